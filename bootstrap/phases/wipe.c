/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `wipe`: destroys everything on the raw partition behind the encrypted filesystem, where old
 * plaintext is: moved files, deleted files, the parked head. How is --free-space; the start comes
 * from the mounted filesystem's own size, each time anew.
 */
#include "bootstrap/block.h"
#include "bootstrap/free_space.h"
#include "bootstrap/fs.h"
#include "bootstrap/gate.h"
#include "bootstrap/phase.h"
#include "bootstrap/region.h"
#include "bootstrap/stop.h"
#include "bootstrap/wiped.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <fcntl.h>

#define MAPPING_PATH "/dev/mapper/" MAPPING_NAME

static int find_device(const struct job *job, char *ret, size_t size)
{
	int r = block_find("UUID", job->intent.luks_uuid, ret, size);

	if (r == -ENODEV)
		return fail(r, "the encrypted volume %s is not there", job->intent.luks_uuid);
	return r;
}

/* Done when the header doesn't say "unwiped" any more. */
static int wipe_done(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct luks_where where = { device, NULL };
	struct luks_status status;
	int r;

	r = block_find("UUID", job->intent.luks_uuid, device, sizeof(device));
	if (r == -ENODEV)
		return 0;
	if (r == 0)
		r = luks_look(&where, &status);
	if (r < 0)
		return r;
	if (!status.is_luks2 || status.is_reencrypting)
		return 0;
	r = wiped_is_pending(&where);
	return r < 0 ? r : !r;
}

static int find_range(const struct job *job, int fd, struct wiped_range *ret)
{
	struct block_content content;
	const struct fs *fs;
	uint64_t device_bytes = 0, filesystem_bytes = 0, used_bytes;
	int r;

	r = region_size(fd, &device_bytes);
	if (r == 0)
		r = block_probe(MAPPING_PATH, &content);
	if (r == 0)
		r = fs_find(content.type, &fs);
	if (r == 0)
		r = fs->size_bytes(MAPPING_PATH, NULL, &filesystem_bytes, &used_bytes);
	if (r < 0)
		return r;
	return wiped_range(device_bytes, job->intent.shift_bytes, job->intent.payload_bytes,
			   filesystem_bytes, ret);
}

struct run {
	struct pace pace;
	struct gate gate;
};

static bool between_steps(uint64_t done_bytes, uint64_t step_bytes, void *userdata)
{
	struct run *run = userdata;

	pace_step(&run->pace, done_bytes);
	return gate_pass(&run->gate, step_bytes, step_bytes);
}

static int destroy_range(const struct job *job, const char *device, int fd,
			 const struct free_space *how, const struct wiped_range *range)
{
	struct free_space_run work = { .how = how,
				       .fd = fd,
				       .where = { device, NULL },
				       .range = *range,
				       .between = between_steps };
	struct run run;
	int r;

	pace_start(&run.pace, job, "wipe", range->end_bytes - range->start_bytes);
	gate_open(&run.gate, &run.pace, job->state_dir, device);
	work.userdata = &run;
	r = free_space_destroy(&work);
	gate_close(&run.gate);
	if (r == FREE_SPACE_STOPPED)
		return fail(-EINTR, "stopped while wiping: the next start goes on from here");
	return r;
}

static int wipe_run(struct job *job)
{
	const struct free_space *how = free_space_find(job->intent.free_space);
	CLEANUP_CLOSE int fd = -1;
	char device[FACTS_PATH_MAX], size[24];
	struct wiped_range range;
	int r;

	if (!how)
		return fail(-EINVAL,
			    "the intent's free_space \"%s\" is none that this version knows",
			    job->intent.free_space);
	stop_on_signals();
	r = find_device(job, device, sizeof(device));
	if (r == 0) /* not exclusive: dm-crypt holds the device; the range is beyond what it maps */
		r = region_open(device, O_WRONLY, &fd);
	if (r == 0)
		r = find_range(job, fd, &range);
	if (r < 0)
		return r;
	log_info("%s behind the filesystem: %s",
		 text_bytes(size, range.end_bytes - range.start_bytes), how->what);
	r = destroy_range(job, device, fd, how, &range);
	return r < 0 ? r : wiped_set_done(&(struct luks_where){ device, NULL });
}

const struct phase phase_wipe = {
	.name = "wipe",
	.place = PHASE_RUNNING,
	.done = wipe_done,
	.run = wipe_run,
	.power_cut = "an encrypted root, part of the tail still old plaintext: run again, from the "
		     "last note in the header",
};
