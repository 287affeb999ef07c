/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The partition table after a cut while it was written: one copy is whole (the kernel was told
 * "gpt", so it takes the alternate one, too), the other is written again, if what is there is the
 * table of the image's copy or what `carve` makes of that.
 */
#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/boot_sizes.h"
#include "bootstrap/table_copy.h"
#include "common/err.h"
#include "common/log.h"

#include <strings.h>

/* The table from before, and the one after `carve` where there is one to come. */
static int known_tables(const struct intent *intent, struct table ret[static 2], size_t *ret_count)
{
	const struct table_partition *root = NULL;
	uint64_t root_bytes = 0;
	int r = table_copy_read(TABLE_COPY, &ret[0]);

	*ret_count = 1;
	if (r < 0 || !intent->boot_bytes)
		return r;
	for (size_t i = 0; i < ret[0].count; i++) {
		if (strcasecmp(ret[0].partitions[i].partuuid, intent->root_partuuid) == 0)
			root = &ret[0].partitions[i];
	}
	if (!root)
		return 0;
	r = boot_carve_size(root->start_bytes, root->size_bytes, intent->boot_bytes,
			    intent->shift_bytes, &root_bytes);
	if (r == 0)
		r = table_carved(&ret[0], intent->root_partuuid, root_bytes, intent->boot_bytes,
				 intent->boot_partuuid, &ret[1]);
	*ret_count = 2;
	return r;
}

static int mend(const struct boot_run *run)
{
	CLEANUP_FREE struct table *known = calloc(2, sizeof(*known));
	size_t count = 0;
	int r = known ? known_tables(&run->intent, known, &count) : -ENOMEM;

	return r < 0 ? r : table_mend(run->disk, known, count, table_is_same);
}

void boot_look_at_table(struct boot_run *run)
{
	unsigned number = 0;
	int r;

	run->is_table_torn = false;
	r = block_parent(run->root_device, run->disk, sizeof(run->disk), &number);
	if (r == 0)
		r = table_is_torn(run->disk, &run->is_table_torn);
	if (r < 0)
		log_info("the partition table wasn't looked at: %s", fail_text());
	fail_clear();
}

void boot_mend_table(const struct boot_run *run)
{
	if (!run->is_table_torn)
		return;
	if (mend(run) < 0)
		log_warning("%s", fail_text());
	else
		log_info("a damaged copy of the partition table of %s was written again",
			 run->disk);
	fail_clear();
}
