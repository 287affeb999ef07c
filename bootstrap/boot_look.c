/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads everything that boot_decide() wants to know. Mounts read-only, writes to RUN_DIR (memory)
 * only. Block devices are found by what is on them, never by name. Whatever can't be read counts as
 * not there, and is said in the log.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/kmods.h"
#include "bootstrap/mount.h"
#include "bootstrap/place.h"
#include "bootstrap/region.h"
#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>

#define STATE_MOUNT RUN_DIR "/state"
#define STATE_TIMEOUT_S 30
#define ROOT_TIMEOUT_S 10
#define REDO_ATTEMPTS 3
#define REDO_PAUSE_MS 1000
#define CMDLINE_MAX (64 * KIB)
#define SUPERBLOCK_OFFSET 1024 /* ext4; within the first 4 KiB that `place` clears first */
#define SUPERBLOCK_BYTES 1024

static bool kernel_was_told(const char *word)
{
	CLEANUP_FREE char *cmdline = NULL;

	if (file_read("/proc/cmdline", CMDLINE_MAX, &cmdline, NULL) < 0)
		return false;
	return boot_cmdline_has(cmdline, word);
}

/* --- the state -------------------------------------------------------------------------------- */

static int read_config(struct boot_run *run)
{
	CLEANUP_JSON json_t *object = NULL;
	int r = js_read_file(BOOT_CONFIG, JSON_TEXT_MAX, &object);

	if (r == 0)
		r = js_copy(object, "state_uuid", run->state_uuid, sizeof(run->state_uuid));
	if (r == 0)
		r = js_copy(object, "state_path", run->state_path, sizeof(run->state_path));
	if (r == 0)
		r = js_copy(object, "fs_uuid", run->fs_uuid, sizeof(run->fs_uuid));
	if (r == 0)
		r = js_copy(object, "root_partuuid", run->root_partuuid,
			    sizeof(run->root_partuuid));
	if (r == 0)
		r = js_copy(object, "boot_partuuid", run->boot_partuuid,
			    sizeof(run->boot_partuuid));
	return r < 0 ? fail_at(r, BOOT_CONFIG) : 0;
}

/* Is the state on the filesystem that is to be encrypted? */
static bool is_first_stage(const struct boot_run *run)
{
	return strcasecmp(run->state_uuid, run->fs_uuid) == 0;
}

/* By its partition, if nothing but that filesystem can be there: never root's once there is a /boot
 * from which it could have been placed. */
static int find_torn_state(struct boot_run *run)
{
	bool is_first = is_first_stage(run);
	char device[BOOT_PATH_MAX];
	int r;

	if (is_first && block_find("PARTUUID", run->boot_partuuid, device, sizeof(device)) == 0)
		return -ENODEV;
	r = block_find("PARTUUID", is_first ? run->root_partuuid : run->boot_partuuid, device,
		       sizeof(device));
	if (r == 0)
		r = boot_mend(device, run->state_uuid);
	return r < 0 ? r
		     : block_find("UUID", run->state_uuid, run->state_device,
				  sizeof(run->state_device));
}

static int find_state(struct boot_run *run)
{
	struct block_content content;
	int r = block_wait("UUID", run->state_uuid, STATE_TIMEOUT_S, run->state_device,
			   sizeof(run->state_device));
	if (r < 0)
		r = find_torn_state(run);
	if (r == 0)
		r = block_probe(run->state_device, &content);
	if (r < 0)
		return r;
	memcpy(run->state_type, content.type, sizeof(run->state_type));
	return 0;
}

int boot_mount_state(struct boot_run *run, bool is_writable)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | (is_writable ? 0 : MS_RDONLY);
	int n, r;

	if (kmods_load(run->state_type) < 0)
		fail_clear(); /* built in, or mount(2) says it better */
	r = boot_mount(run->state_device, STATE_MOUNT, run->state_type, flags);
	if (r < 0)
		return r;
	run->is_mounted = true;
	n = snprintf(run->state_dir, sizeof(run->state_dir), STATE_MOUNT "%s", run->state_path);
	return n < 0 || n >= (int)sizeof(run->state_dir) ? -ENAMETOOLONG : 0;
}

void boot_unmount_state(struct boot_run *run)
{
	if (!run->is_mounted)
		return;
	if (mount_remove(STATE_MOUNT) < 0)
		log_warning("%s", fail_text());
	run->is_mounted = false;
	run->state_dir[0] = '\0';
}

static bool has_file(const struct boot_run *run, const char *name, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s/%s", run->state_dir, name);

	return n > 0 && n < (int)size && file_exists(ret);
}

static bool is_our_header(const struct boot_run *run, const char *path)
{
	const struct luks_where where = { path, NULL };
	struct luks_status status;

	if (luks_look(&where, &status) < 0) {
		log_warning("%s: %s", path, fail_text());
		return false;
	}
	return status.is_luks2 && strcmp(status.uuid, run->intent.luks_uuid) == 0;
}

/* The header copy is used where it stands on /boot, but from memory when it stands on the
 * filesystem to be changed. */
static int take_header(struct boot_run *run, const char *path)
{
	int r;

	if (run->facts.is_boot_separate) {
		snprintf(run->header, sizeof(run->header), "%s", path);
		return 0;
	}
	r = file_mkdirs(RUN_DIR, 0700);
	if (r < 0)
		return r;
	snprintf(run->header, sizeof(run->header), RUN_DIR "/" HEADER_FILE);
	return file_copy(path, run->header);
}

static void look_at_state(struct boot_run *run)
{
	struct boot_facts *facts = &run->facts;
	char path[BOOT_PATH_MAX + 32];
	int r;

	facts->has_post = has_file(run, HEADER_POST_FILE, path, sizeof(path));
	facts->has_marker = place_has_marker(run->state_dir);
	r = intent_read(run->state_dir, &run->intent);
	if (r < 0) {
		log_info("no intent in %s of %s%s%s", run->state_path, run->state_device,
			 fail_text()[0] ? ": " : "", fail_text());
		fail_clear();
		return;
	}
	facts->has_intent = true;
	facts->is_undo_wanted = run->intent.undo;
	facts->is_boot_separate = strcasecmp(run->state_uuid, run->intent.fs_uuid) != 0;
	if (!has_file(run, HEADER_FILE, path, sizeof(path)))
		return;
	r = take_header(run, path);
	if (r < 0)
		log_warning("%s", fail_text());
	facts->has_header = r == 0 && is_our_header(run, run->header);
}

/* --- the root partition ----------------------------------------------------------------------- */

static int compare_parked(const struct boot_run *run, uint64_t offset, uint64_t len, bool *ret)
{
	CLEANUP_CLOSE int fd = -1;
	uint64_t bytes = 0;
	int r = region_open(run->root_device, O_RDONLY, &fd);

	if (r == 0)
		r = region_size(fd, &bytes);
	if (r < 0)
		return r;
	if (bytes < 2 * run->intent.shift_bytes)
		return fail(-EINVAL, "%s is too small to hold a parked head", run->root_device);
	return region_equal(fd, offset, fd, bytes - run->intent.shift_bytes + offset, len, ret);
}

int boot_is_head_parked(const struct boot_run *run, bool *ret)
{
	return compare_parked(run, 0, run->intent.shift_bytes, ret);
}

/* The first chunk is only written after the marker: where it is, the marker was lost. */
static bool has_first_chunk(const struct boot_run *run)
{
	const struct luks_where where = { run->root_device, NULL };
	struct luks_status status;

	if (luks_look(&where, &status) < 0) {
		log_warning("%s: %s", run->root_device, fail_text());
		return false;
	}
	return status.is_luks2 && (status.is_first_chunk_done || !status.is_reencrypting);
}

static void look_at_root(struct boot_run *run)
{
	struct boot_facts *facts = &run->facts;
	struct block_content content;
	char device[BOOT_PATH_MAX];

	facts->has_boot_partition = block_find("PARTUUID", run->intent.boot_partuuid, device,
					       sizeof(device)) == 0;
	if (block_wait("PARTUUID", run->intent.root_partuuid, ROOT_TIMEOUT_S, run->root_device,
		       sizeof(run->root_device)) < 0 ||
	    block_probe(run->root_device, &content) < 0) {
		log_warning("the root partition: %s", fail_text());
		return;
	}
	boot_look_at_table(run);
	memcpy(run->root_type, content.type, sizeof(run->root_type));
	facts->is_root_filesystem = strcasecmp(content.uuid, run->intent.fs_uuid) == 0;
	facts->is_root_luks = strcasecmp(content.uuid, run->intent.luks_uuid) == 0;
	if (facts->has_post && compare_parked(run, SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES,
					      &facts->is_root_same_as_parked) < 0)
		log_warning("%s", fail_text());
	if (facts->is_root_luks && !facts->has_marker && has_first_chunk(run)) {
		log_warning("the marker is gone, but %s is encrypted in part: its header stays as "
			    "it is",
			    run->root_device);
		facts->has_marker = true;
	}
}

/* --- a redo log ------------------------------------------------------------------------------- */

/* Before anything is mounted: the filesystem may be half old, half new, and even a read-only mount
 * would write to it. */
static int look_at_redo(struct boot_run *run)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	int r = block_wait("PARTUUID", run->root_partuuid, STATE_TIMEOUT_S, run->root_device,
			   sizeof(run->root_device));

	run->is_redo_unread = true;
	if (r < 0) {
		run->root_device[0] = '\0';
		return fail_at(r, "no redo log could be looked for");
	}
	r = redo_key_read(&key);
	for (unsigned attempt = 1; r == 0; attempt++) {
		r = redo_look(run->root_device, &key, &run->redo);
		if (r == 0 || attempt == REDO_ATTEMPTS)
			break;
		log_warning("looking for a redo log, attempt %u: %s", attempt, fail_text());
		(void)poll(NULL, 0, REDO_PAUSE_MS); /* a path or a disk that isn't ready yet */
		r = 0;
	}
	if (r < 0)
		log_warning("it isn't known whether there is a redo log: %s",
			    fail_text()[0] ? fail_text() : strerror(-r));
	fail_clear();
	run->is_redo_unread = r < 0;
	run->facts.has_redo = run->redo.state == REDO_READY;
	run->facts.is_redo_foreign = run->redo.state == REDO_FOREIGN;
	return 0;
}

/* In the first stage, before the state is mounted: the partition for /boot is only made when
 * nothing is left of `carve`'s log. */
static bool may_carve_be_cut(const struct boot_run *run)
{
	char device[BOOT_PATH_MAX];

	if (!run->is_redo_unread || !is_first_stage(run) || !run->root_device[0] ||
	    block_find("PARTUUID", run->boot_partuuid, device, sizeof(device)) == 0)
		return false;
	fail_clear();
	return true;
}

/* Behind it: `shrink` begins no log before its size is in the intent, and has none any more when
 * the head is parked or the header is there. */
static bool may_shrink_be_cut(const struct boot_run *run)
{
	const struct boot_facts *facts = &run->facts;
	struct block_content content;

	if (!run->is_redo_unread || is_first_stage(run) || !run->root_device[0])
		return false;
	if (block_probe(run->root_device, &content) == 0 &&
	    strcmp(content.type, "crypto_LUKS") == 0)
		return false;
	fail_clear();
	if (!facts->has_intent)
		return true;
	return run->intent.payload_bytes && !(facts->has_post && facts->is_root_same_as_parked);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void look_at_cmdline(struct boot_run *run)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "panocrypt.boot=%s", run->intent.boot_uuid);
	run->facts.is_boot_proven = kernel_was_told(mark);
	run->facts.has_skip = kernel_was_told("panocrypt.skip");
}

void boot_look(struct boot_run *ret)
{
	struct boot_run run = { .is_mounted = false };
	int r;

	*ret = run;
	run.facts.has_skip = kernel_was_told("panocrypt.skip");
	r = read_config(&run);
	if (r == 0 && look_at_redo(&run) < 0) {
		log_warning("%s", fail_text());
		r = is_first_stage(&run) ? -ENODEV : 0; /* it would have the state */
	}
	run.facts.is_redo_unknown = r == 0 && may_carve_be_cut(&run);
	if (run.facts.has_redo || run.facts.is_redo_unknown) {
		*ret = run;
		return;
	}
	if (r < 0 || find_state(&run) < 0 || boot_mount_state(&run, false) < 0) {
		log_warning("no state of a conversion was found: %s", fail_text());
		fail_clear();
		run.state_device[0] = '\0';
		run.facts.is_redo_unknown = r == 0 && may_shrink_be_cut(&run);
		*ret = run;
		return;
	}
	look_at_state(&run);
	if (!run.facts.has_intent || !run.facts.is_boot_separate)
		boot_unmount_state(&run);
	if (run.facts.has_intent) {
		look_at_cmdline(&run);
		look_at_root(&run);
	}
	run.facts.is_redo_unknown = may_shrink_be_cut(&run);
	fail_clear();
	*ret = run;
}
