/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See machine.h.
 */
#include "tests/fault/machine.h"

#include "common/cleanup.h"
#include "common/file.h"

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

DEFINE_CLEANUP(DIR *, closedir);
#define CLEANUP_DIR CLEANUP(closedirp)

/* --- events ----------------------------------------------------------------------------------- */

struct event *log_add(struct log *log, struct event event)
{
	if (log->count == log->room) {
		log->room = log->room ? log->room * 2 : 256;
		log->events = reallocarray(log->events, log->room, sizeof(*log->events));
		if (!log->events)
			die("no memory");
	}
	log->events[log->count] = event;
	return &log->events[log->count++];
}

void log_done(struct log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		if (log->events[i].data)
			munmap(log->events[i].data, MAX(log->events[i].len, 1));
	}
	free(log->events);
	*log = (struct log){ 0 };
}

bool event_is_of_names(const struct event *event)
{
	return event->kind == EVENT_CREATE || event->kind == EVENT_RENAME ||
	       event->kind == EVENT_REMOVE;
}

bool event_is_in_folder(const struct event *event)
{
	return event->file < MACHINE_FILES;
}

static bool makes_durable(const struct log *log, const struct event *sync,
			  const struct event *event)
{
	if (log->is_for_grub && event_is_in_folder(event))
		return sync->kind == EVENT_FREEZE;
	switch (sync->kind) {
	case EVENT_SYNC:
		if (event_is_of_names(event))
			return event_is_in_folder(sync);
		return event->file == sync->file;
	case EVENT_SYNC_NAMES: return event_is_of_names(event);
	case EVENT_SYNC_ALL: return event_is_in_folder(event);
	default: return false;
	}
}

void log_settle(struct log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		struct event *event = &log->events[i];

		event->durable_at = event->is_through ? i + 1 : SIZE_MAX;
		for (size_t k = i + 1; event->durable_at == SIZE_MAX && k < log->count; k++) {
			if (makes_durable(log, &log->events[k], event))
				event->durable_at = k + 1;
		}
	}
}

/* --- the machine ------------------------------------------------------------------------------ */

void machine_make(struct machine *ret)
{
	*ret = (struct machine){ .file_count = 0 };
	for (size_t i = 0; i < MACHINE_IMAGES; i++)
		image_make(&ret->files[i]);
}

void machine_copy(struct machine *to, const struct machine *from)
{
	for (size_t i = 0; i < MAX(to->file_count, from->file_count); i++)
		image_copy(&to->files[i], &from->files[i]);
	image_copy(&to->files[DEVICE_FILE], &from->files[DEVICE_FILE]);
	image_copy(&to->files[TABLE_FILE], &from->files[TABLE_FILE]);
	memcpy(to->names, from->names, sizeof(to->names));
	to->file_count = from->file_count;
	to->name_count = from->name_count;
}

int machine_find(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->name_count; i++) {
		if (strcmp(machine->names[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

static void drop_name(struct machine *machine, const char *name)
{
	int at = machine_find(machine, name);

	if (at >= 0)
		machine->names[at] = machine->names[--machine->name_count];
}

static void put_name(struct machine *machine, const char *name, unsigned file)
{
	drop_name(machine, name);
	if (machine->name_count == MACHINE_FILES || file >= MACHINE_FILES)
		die("too many files for the model");
	snprintf(machine->names[machine->name_count].name, MACHINE_NAME, "%s", name);
	machine->names[machine->name_count++].file = file;
	machine->file_count = MAX(machine->file_count, (size_t)file + 1);
}

void machine_apply(struct machine *machine, const struct event *event)
{
	int at;

	switch (event->kind) {
	case EVENT_WRITE:
		image_write(&machine->files[event->file], event->offset, event->data, event->len);
		if (event_is_in_folder(event))
			machine->file_count = MAX(machine->file_count, (size_t)event->file + 1);
		break;
	case EVENT_RESIZE: image_resize(&machine->files[event->file], event->offset); break;
	case EVENT_CREATE:
		image_resize(&machine->files[event->file], 0);
		put_name(machine, event->name, event->file);
		break;
	case EVENT_RENAME:
		at = machine_find(machine, event->name);
		if (at < 0)
			break;
		put_name(machine, event->to, machine->names[at].file);
		drop_name(machine, event->name);
		break;
	case EVENT_REMOVE: drop_name(machine, event->name); break;
	default: break;
	}
}

void machine_apply_torn(struct machine *machine, const struct event *event,
			bool (*keep)(void *userdata, size_t sector), void *userdata)
{
	struct event part = *event;
	size_t at = 0, n;

	part.len = 0; /* a run of sectors that are kept */
	for (; at < event->len; at += n) {
		uint64_t offset = event->offset + at;

		n = MIN((size_t)(SECTOR_BYTES - offset % SECTOR_BYTES), event->len - at);
		if (keep(userdata, at / SECTOR_BYTES)) {
			if (!part.len) {
				part.offset = offset;
				part.data = event->data + at;
			}
			part.len += n;
		} else if (part.len) {
			machine_apply(machine, &part);
			part.len = 0;
		}
	}
	if (part.len)
		machine_apply(machine, &part);
}

/* --- as files --------------------------------------------------------------------------------- */

static void path_in(char ret[static PATH_MAX], const char *folder, const char *name)
{
	if (snprintf(ret, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		die("too long a path");
}

static void each_name(const char *folder, void (*each)(const char *path, const char *name, void *),
		      void *userdata)
{
	char state[PATH_MAX], path[PATH_MAX];
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;

	path_in(state, folder, MACHINE_STATE);
	dir = opendir(state);
	while (dir && (entry = readdir(dir))) {
		path_in(path, state, entry->d_name);
		if (entry->d_name[0] != '.')
			each(path, entry->d_name, userdata);
	}
}

static void load_file(const char *path, const char *name, void *userdata)
{
	struct machine *machine = userdata;
	unsigned file = (unsigned)machine->file_count;

	put_name(machine, name, file);
	image_load(&machine->files[file], path);
}

void machine_load(struct machine *machine, const char *folder)
{
	char path[PATH_MAX];

	machine->file_count = machine->name_count = 0;
	each_name(folder, load_file, machine);
	path_in(path, folder, MACHINE_DEVICE);
	image_load(&machine->files[DEVICE_FILE], path);
	path_in(path, folder, MACHINE_TABLE);
	if (file_exists(path))
		image_load(&machine->files[TABLE_FILE], path);
}

static void remove_unwanted(const char *path, const char *name, void *userdata)
{
	if (machine_find(userdata, name) < 0 && unlink(path) < 0)
		die("%s: %s", path, strerror(errno));
}

void machine_store(struct machine *machine, const char *folder)
{
	char state[PATH_MAX], path[PATH_MAX];

	path_in(state, folder, MACHINE_STATE);
	if (file_mkdirs(state, 0700) < 0)
		die("making %s", state);
	each_name(folder, remove_unwanted, machine);
	for (size_t i = 0; i < machine->name_count; i++) {
		path_in(path, state, machine->names[i].name);
		image_store(&machine->files[machine->names[i].file], path);
	}
	path_in(path, folder, MACHINE_DEVICE);
	image_store(&machine->files[DEVICE_FILE], path);
	path_in(path, folder, MACHINE_TABLE);
	if (machine->files[TABLE_FILE].len)
		image_store(&machine->files[TABLE_FILE], path);
}

static uint64_t name_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (*name)
		hash = (hash ^ (uint8_t)*name++) * UINT64_C(0x100000001b3);
	return hash;
}

/* A sum of these: their order doesn't count. */
static uint64_t part_hash(const char *name, uint64_t content)
{
	return name_hash(name) * (content | 1);
}

uint64_t machine_hash(struct machine *machine)
{
	uint64_t hash = part_hash(MACHINE_DEVICE, image_hash(&machine->files[DEVICE_FILE]));

	if (machine->files[TABLE_FILE].len)
		hash += part_hash(MACHINE_TABLE, image_hash(&machine->files[TABLE_FILE]));
	for (size_t i = 0; i < machine->name_count; i++)
		hash += part_hash(machine->names[i].name,
				  image_hash(&machine->files[machine->names[i].file]));
	return hash;
}

static void add_hash(const char *path, const char *name, void *userdata)
{
	uint64_t *hash = userdata;

	*hash += part_hash(name, image_hash_file(path));
}

uint64_t machine_hash_folder(const char *folder)
{
	char path[PATH_MAX];
	uint64_t hash = 0;

	each_name(folder, add_hash, &hash);
	path_in(path, folder, MACHINE_DEVICE);
	add_hash(path, MACHINE_DEVICE, &hash);
	path_in(path, folder, MACHINE_TABLE);
	if (file_exists(path))
		add_hash(path, MACHINE_TABLE, &hash);
	return hash;
}
