/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `grow`: mapping and filesystem take the whole partition, and the system's own growth services are
 * let go. That comes before the filesystem grows, and done() looks at both: a cut between the two
 * lets a growth service do our work at the next boot.
 */
#include "bootstrap/block.h"
#include "bootstrap/fs.h"
#include "bootstrap/growth.h"
#include "bootstrap/phase.h"
#include "bootstrap/unlock.h"
#include "common/err.h"

#define MAPPING_PATH "/dev/mapper/" MAPPING_NAME

struct sizes {
	uint64_t room_bytes; /* what the mapping can have: R - S */
	uint64_t mapping_bytes, filesystem_bytes;
	const struct fs *fs;
	char device[FACTS_PATH_MAX];
};

static int look(const struct job *job, struct sizes *ret)
{
	struct block_content content;
	struct sizes sizes = { 0 };
	uint64_t device_bytes = 0, used_bytes;
	int r;

	r = block_find("UUID", job->intent.luks_uuid, sizes.device, sizeof(sizes.device));
	if (r == -ENODEV)
		return r;
	if (r == 0)
		r = block_size(sizes.device, &device_bytes);
	if (r == 0)
		r = block_size(MAPPING_PATH, &sizes.mapping_bytes);
	if (r == 0)
		r = block_probe(MAPPING_PATH, &content);
	if (r == 0)
		r = fs_find(content.type, &sizes.fs);
	if (r == 0)
		r = sizes.fs->size_bytes(MAPPING_PATH, NULL, &sizes.filesystem_bytes, &used_bytes);
	if (r < 0)
		return r;
	sizes.room_bytes = device_bytes - MIN(device_bytes, job->intent.shift_bytes);
	*ret = sizes;
	return 0;
}

/* A filesystem leaves a rest that is too small for a block group of its own; growing gives it S or
 * more. */
static bool is_grown(const struct job *job, const struct sizes *sizes)
{
	return sizes->mapping_bytes == sizes->room_bytes &&
	       sizes->filesystem_bytes <= sizes->mapping_bytes &&
	       sizes->mapping_bytes - sizes->filesystem_bytes < job->intent.shift_bytes;
}

static int grow_done(struct job *job)
{
	struct sizes sizes;
	int r;

	if (job->facts->root_kind != ROOT_LUKS)
		return 0;
	r = look(job, &sizes);
	if (r == -ENODEV)
		return 0;
	return r < 0 ? r : is_grown(job, &sizes) && !growth_is_held(job);
}

static int grow_mapping(const struct job *job, const struct sizes *sizes)
{
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY;
	int r;

	if (sizes->mapping_bytes == sizes->room_bytes)
		return 0;
	r = unlock_volume_key(job->intent.luks_uuid, &(struct luks_where){ sizes->device, NULL },
			      &volume_key);
	return r < 0 ? r : luks_resize_active(MAPPING_NAME, &volume_key);
}

static int grow_run(struct job *job)
{
	struct sizes sizes;
	int r;

	r = look(job, &sizes);
	if (r == -ENODEV)
		return fail(r, "the encrypted volume %s is not there", job->intent.luks_uuid);
	if (r == 0)
		r = grow_mapping(job, &sizes);
	if (r == 0)
		r = growth_unlock(job);
	if (r == 0)
		r = sizes.fs->grow(MAPPING_PATH);
	if (r == 0)
		r = look(job, &sizes);
	if (r < 0)
		return r;
	if (!is_grown(job, &sizes))
		return fail(-EIO, "the filesystem has %llu of %llu bytes after growing: run again",
			    (unsigned long long)sizes.filesystem_bytes,
			    (unsigned long long)sizes.room_bytes);
	return 0;
}

const struct phase phase_grow = {
	.name = "grow",
	.place = PHASE_RUNNING,
	.done = grow_done,
	.run = grow_run,
	.power_cut = "an encrypted root, smaller than its disk: run again; growing is journalled "
		     "by the filesystem",
};
