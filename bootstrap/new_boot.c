/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See new_boot.h.
 */
#include "bootstrap/new_boot.h"

#include "bootstrap/block.h"
#include "bootstrap/free_space.h"
#include "bootstrap/region.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The partition lies where the root had files that were deleted since; mkfs leaves most of that. */
static int destroy_old_plaintext(const struct intent *intent, const char *device)
{
	const struct free_space *how = free_space_find(intent->free_space);
	CLEANUP_CLOSE int fd = -1;
	uint64_t bytes = 0;
	char size[24];
	int r;

	if (!how)
		return fail(-EINVAL,
			    "the intent's free_space \"%s\" is none that this version knows",
			    intent->free_space);
	r = region_open(device, O_WRONLY | O_EXCL, &fd);
	if (r == 0)
		r = region_size(fd, &bytes);
	if (r < 0)
		return r;
	log_info("%s of the new /boot: %s", text_bytes(size, bytes), how->what);
	return free_space_destroy_all(how, fd, bytes);
}

/* The UUID was chosen by us, so nobody else's filesystem is overwritten. */
int new_boot_make(const struct intent *intent, const char *device)
{
	struct spawn make = {
		.argv = { "mkfs.ext4", "-q", "-F", "-U", intent->boot_uuid, "-L", "boot", device },
		.timeout_s = 300,
	};
	struct block_content content;
	int r;

	r = block_probe(device, &content);
	if (r < 0)
		return r;
	if (strcmp(content.uuid, intent->boot_uuid) == 0)
		return 0;
	r = destroy_old_plaintext(intent, device);
	return r < 0 ? r : spawn_run(&make);
}
