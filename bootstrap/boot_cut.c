/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * carve and shrink: the filesystem is cut, then, for carve, the partition table. e2fsck and
 * resize2fs work in a view; what they would have changed is checked there, goes into a redo log,
 * and only then onto the disk (redo.h). Up to the log every failure leaves the disk as it was.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/boot_sizes.h"
#include "bootstrap/fs.h"
#include "bootstrap/mount.h"
#include "bootstrap/table.h"
#include "bootstrap/view.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#define APPLY_ATTEMPTS 3
#define REPLAY_MOUNT RUN_DIR "/replay"

#define CLEANUP_VIEW CLEANUP(view_closep)

/* What to cut, and through which view one looks at it. */
struct cut {
	struct boot_run *run;
	const struct fs *fs;
	struct view *view;
	struct payload_facts facts;
	uint64_t size_bytes; /* of the filesystem afterwards; 0: as it is */
	bool may_move;	     /* a few blocks */
	bool is_log_begun;   /* from here on a log of this change may be on the disk */
};

void boot_apply(const char *device, const struct redo *redo)
{
	for (unsigned attempt = 1; attempt <= APPLY_ATTEMPTS; attempt++) {
		int r = redo_apply(device, redo);

		if (r == 0)
			return;
		log_error("redo: attempt %u: %s", attempt,
			  fail_text()[0] ? fail_text() : strerror(-r));
	}
	boot_hold("a change of the filesystem could not be finished");
}

/* --- through the log -------------------------------------------------------------------------- */

/* Finds room for the log, writes it, and does what it says. */
static int commit(struct cut *cut, struct redo *redo)
{
	const char *device = cut->run->root_device;
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	uint64_t end = cut->size_bytes ? cut->size_bytes : cut->facts.fs_bytes;
	uint64_t from = 0, to = 0, place = 0, len = redo_log_bytes(redo->log.count);
	char size[24];
	int r = redo_key_read(&key);

	if (r == 0)
		r = redo_window(redo->log.device_bytes, end, &from, &to);
	if (r == 0)
		r = cut->fs->find_free(device, from, to, len, &place);
	if (r < 0)
		return r;
	cut->is_log_begun = true;
	r = redo_write(device, &key, place, redo);
	if (r < 0)
		return r;
	log_info("the redo log has %zu blocks, %s", redo->log.count, text_bytes(size, len));
	boot_apply(device, redo);
	return 0;
}

/* The change must be a whole filesystem of the size that was wanted before any of it is written. */
static int prove(const struct cut *cut)
{
	const char *device = cut->run->root_device;
	uint64_t size = 0, used = 0;
	int r = view_status(cut->view);

	if (r == 0)
		r = cut->fs->size_bytes(device, cut->view, &size, &used);
	if (r == 0 && size != (cut->size_bytes ? cut->size_bytes : cut->facts.fs_bytes))
		r = fail(-EIO, "the filesystem would not have got its size");
	if (r == 0)
		r = cut->fs->check(device, cut->view);
	return r < 0 ? r : view_status(cut->view);
}

/* After a crash the newest state of the filesystem is in its journal. The kernel replays it, as at
 * every boot: cut in between, it does so again. Cut without it, the filesystem would get its old
 * superblock back. */
static int replay_journal(const struct boot_run *run)
{
	int r = boot_mount(run->root_device, REPLAY_MOUNT, run->root_type, MS_RDONLY);

	return r < 0 ? r : mount_remove(REPLAY_MOUNT);
}

/* `choose` says in cut->size_bytes what shall be made of a filesystem that was checked. */
static int cut_filesystem(struct cut *cut, int (*choose)(struct cut *cut))
{
	const char *device = cut->run->root_device;
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_REDO struct redo redo = { .state = REDO_NONE };
	int r = fs_find(cut->run->root_type, &cut->fs);

	if (r == 0)
		r = replay_journal(cut->run);
	if (r == 0)
		r = view_open(device, REDO_RECORDS_MAX, &view);
	cut->view = view;
	if (r == 0)
		r = cut->fs->check(device, view);
	if (r == 0)
		r = cut->fs->size_bytes(device, view, &cut->facts.fs_bytes, &cut->facts.used_bytes);
	if (r == 0)
		r = choose(cut);
	if (r == 0 && cut->size_bytes == cut->facts.fs_bytes)
		cut->size_bytes = 0;
	if (r == 0 && cut->size_bytes)
		r = cut->fs->shrink(device, view, cut->size_bytes);
	if (r < 0 && view && view_status(view) < 0)
		return -EIO; /* the reason behind what the program said */
	if (r == 0 && view_count(view))
		r = prove(cut);
	if (r == 0)
		r = redo_make(device, view, &redo);
	if (r == 0 && redo.log.count)
		r = commit(cut, &redo);
	return r;
}

/* --- carve ------------------------------------------------------------------------------------ */

static int find_partition(const struct table *table, const char *partuuid,
			  struct table_partition *ret)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcasecmp(table->partitions[i].partuuid, partuuid) == 0) {
			*ret = table->partitions[i];
			return 0;
		}
	}
	return fail(-ENOENT, "the partition table has no partition %s", partuuid);
}

/* Not enough room without moving a block: a few strays at the end may move, as for shrink. A log
 * file that was begun there is on most machines that have run for a while. */
static int look_for_room(struct cut *cut, uint64_t most)
{
	const char *device = cut->run->root_device;
	int r = cut->fs->unmoved_bytes(device, cut->view, &cut->facts.unmoved_bytes);

	if (r == 0 && cut->facts.unmoved_bytes > most)
		r = cut->fs->least_bytes(device, cut->view, &cut->facts.unmoved_bytes);
	return r;
}

/* So that partition and later header find their room. */
static int choose_carved(struct cut *cut)
{
	const char *device = cut->run->root_device;
	uint64_t most = cut->facts.root_bytes - 2 * cut->facts.shift_bytes, size = 0;
	int r = look_for_room(cut, most);

	if (r == 0) /* for its refusal; here it may stay larger */
		r = boot_payload_size(&cut->facts, &size);
	if (r < 0 || cut->facts.fs_bytes <= most)
		return r;
	r = cut->fs->fit_bytes(device, cut->view, most, &size);
	if (r == 0)
		cut->size_bytes = MAX(size, cut->facts.unmoved_bytes);
	return r;
}

int boot_carve(struct boot_run *run)
{
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	struct cut cut = { .run = run, .facts.shift_bytes = run->intent.shift_bytes };
	struct table_partition root = { 0 };
	char disk[BOOT_PATH_MAX];
	unsigned number = 0;
	int r;

	if (!table)
		return -ENOMEM;
	r = block_parent(run->root_device, disk, sizeof(disk), &number);
	if (r == 0)
		r = table_read(disk, table);
	if (r == 0)
		r = find_partition(table, run->intent.root_partuuid, &root);
	if (r == 0)
		r = boot_carve_size(root.start_bytes, root.size_bytes, run->intent.boot_bytes,
				    run->intent.shift_bytes, &cut.facts.root_bytes);
	if (r == 0)
		r = cut_filesystem(&cut, choose_carved);
	if (r < 0)
		return r;
	/* cut: the filesystem is smaller than its partition, which harms nothing; all of this is
	 * done again */
	return table_carve(disk, root.number, cut.facts.root_bytes, run->intent.boot_bytes,
			   run->intent.boot_partuuid, &number);
}

/* --- shrink ----------------------------------------------------------------------------------- */

static int write_intent(struct boot_run *run, uint64_t payload_bytes, uint64_t root_bytes)
{
	int r;

	if (run->intent.payload_bytes == payload_bytes && run->intent.root_bytes == root_bytes)
		return 0;
	run->intent.payload_bytes = payload_bytes;
	run->intent.root_bytes = root_bytes;
	r = intent_write(run->state_dir, &run->intent);
	return r < 0 ? r : mount_settle(run->state_dir);
}

/* F: stays what it is once the filesystem has it; until then it is computed from what is there now,
 * since the machine may have been booted in between. */
static int choose_payload(struct cut *cut)
{
	struct boot_run *run = cut->run;
	struct payload_facts *facts = &cut->facts;
	uint64_t size = 0;
	char text[24];
	int r = 0;

	if (!run->intent.payload_bytes || facts->fs_bytes != run->intent.payload_bytes ||
	    facts->root_bytes != run->intent.root_bytes) {
		r = (cut->may_move ? cut->fs->least_bytes : cut->fs->unmoved_bytes)(
			run->root_device, cut->view, &facts->unmoved_bytes);
		if (r == 0)
			r = boot_payload_size(facts, &size);
		if (r == 0)
			r = cut->fs->fit_bytes(run->root_device, cut->view, size, &size);
		if (r == 0)
			r = write_intent(run, MAX(size, facts->unmoved_bytes), facts->root_bytes);
	}
	if (r < 0)
		return r;
	log_info("shrink: the payload is %s", text_bytes(text, run->intent.payload_bytes));
	cut->size_bytes = run->intent.payload_bytes;
	return 0;
}

int boot_shrink(struct boot_run *run)
{
	struct cut cut = { .run = run,
			   .facts = { .shift_bytes = run->intent.shift_bytes,
				      .is_all_wanted = strcmp(run->intent.coverage, "full") ==
						       0 } };
	int r = block_size(run->root_device, &cut.facts.root_bytes);

	if (r < 0)
		return r;
	cut.may_move = true;
	r = cut_filesystem(&cut, choose_payload);
	if (r == 0 || cut.is_log_begun) /* a disk that fails gets no second log beside the first */
		return r;
	/* More had to change than a log holds, or whatever else: the disk is untouched. */
	log_warning("shrink: %s; trying it without moving a block", fail_text());
	cut.may_move = false;
	cut.size_bytes = 0;
	return cut_filesystem(&cut, choose_payload);
}
