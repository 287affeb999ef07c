/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What of a machine survives a power cut: its root partition, the partition table, where a scenario
 * has one, and the state folder on another filesystem. And what a program did to them, as a list of
 * events, each with the moment from which it can't be lost any more. A flush of one says nothing
 * about the others: more states than a disk with one cache has.
 *
 * The folder's filesystem is modelled as POSIX allows it to be, which is less than what ext4
 * promises: content that nobody has flushed may be there in any part; names change in their order,
 * and any last part of the changes may be missing until something is flushed.
 */
#pragma once

#include "tests/fault/image.h"

#define MACHINE_FILES 32
#define MACHINE_NAME 64
#define MACHINE_STATE "run/state/panocrypt" /* within the machine's folder */
#define MACHINE_DEVICE "device"
#define MACHINE_TABLE "disk"	  /* what lies outside of the root partition; often not there */
#define DEVICE_FILE MACHINE_FILES /* numbers among the files */
#define TABLE_FILE (MACHINE_FILES + 1)
#define MACHINE_IMAGES (MACHINE_FILES + 2)

struct machine {
	struct image files[MACHINE_IMAGES];
	struct {
		char name[MACHINE_NAME];
		unsigned file;
	} names[MACHINE_FILES];
	size_t file_count, name_count;
};

enum event_kind {
	EVENT_WRITE,
	EVENT_RESIZE,
	EVENT_CREATE,
	EVENT_RENAME,
	EVENT_REMOVE,
	EVENT_SYNC, /* content of one file; names too, if it is in the folder */
	EVENT_SYNC_NAMES,
	EVENT_SYNC_ALL, /* of the folder */
	EVENT_FREEZE,	/* its filesystem: behind it nothing is in the journal alone */
};

struct event {
	enum event_kind kind;
	unsigned file;
	uint64_t offset; /* of a write; new size */
	size_t len;
	uint8_t *data;	   /* by share() */
	bool is_through;   /* written with O_SYNC or O_DSYNC */
	size_t durable_at; /* number of events after which it can't be lost */
	char name[MACHINE_NAME], to[MACHINE_NAME];
};

struct log {
	struct event *events;
	size_t count, room;
	bool is_for_grub; /* who replays no journal: of the folder, only what was frozen is there */
};

struct event *log_add(struct log *log, struct event event);
void log_done(struct log *log);

/* Fills durable_at of all events. */
void log_settle(struct log *log);
bool event_is_of_names(const struct event *event);
bool event_is_in_folder(const struct event *event);

void machine_make(struct machine *ret);
/* `from` may not change as long as `to` is used. */
void machine_copy(struct machine *to, const struct machine *from);
void machine_load(struct machine *machine, const char *folder);
void machine_store(struct machine *machine, const char *folder);
uint64_t machine_hash(struct machine *machine);

/* Of a folder, without loading it; the same number. */
uint64_t machine_hash_folder(const char *folder);
void machine_apply(struct machine *machine, const struct event *event);

/* Of a write, only those 512-byte sectors for which keep() says so. */
void machine_apply_torn(struct machine *machine, const struct event *event,
			bool (*keep)(void *userdata, size_t sector), void *userdata);

/* -1 when there is no such name. */
int machine_find(const struct machine *machine, const char *name);
