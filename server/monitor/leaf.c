/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The leaf certificate of a server that runs for years: renewed like at a start, and handed to the
 * processes that speak TLS, which can't open files any more.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/monitor/internal.h"

#define LEAF_MAX_BYTES (32 * KIB)
#define LEAF_WAIT_MS 1000

static int append(const struct server_config *config, enum config_file file, int to)
{
	CLEANUP_FREE char *text = NULL;
	char path[CONFIG_PATH_SIZE];
	size_t len;
	int r;

	config_path(config->dir, file, path);
	r = file_read(path, LEAF_MAX_BYTES, &text, &len);
	if (r < 0)
		return fail_at(r, "%s", path);
	r = file_write_all(to, text, len);
	secret_wipe(text, len);
	return r;
}

/* One file in memory for each: they share its offset with nobody. */
static int gather(const struct server_config *config, int *ret)
{
	CLEANUP_CLOSE int fd = memfd_create("leaf", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return fail(-errno, "no file in memory: %s", strerror(errno));
	r = append(config, CONFIG_FILE_LEAF, fd);
	if (r == 0)
		r = append(config, CONFIG_FILE_LEAF_KEY, fd);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail(-errno, "no file in memory: %s", strerror(errno));
	*ret = TAKE_FD(fd);
	return 0;
}

static int hand_to(struct child *child)
{
	CLEANUP_CLOSE int fd = -1;
	union message message;
	int r = gather(child->monitor->setup->config, &fd);

	if (r < 0)
		return r;
	message_start(&message, MESSAGE_LEAF, 0, 0);
	r = channel_send_now(child->channel, &message, fd, LEAF_WAIT_MS);
	return r <= 0 ? r
		      : fail(-EBUSY, "%s is too busy to take the new certificate",
			     process_table[child->kind].name);
}

void leaf_look(struct monitor *monitor, bool always)
{
	bool is_renewed = false;

	if (monitor->setup->renew_leaf(monitor->setup->config, &is_renewed) < 0)
		log_failure(-EIO);
	if (!is_renewed && !always)
		return;
	/* Those that aren't ready read the files themselves. */
	for (size_t i = 0; i < monitor->children_count; i++) {
		struct child *child = &monitor->children[i];

		if (process_table[child->kind].holds & HOLDS_TLS_KEY && child->ready &&
		    hand_to(child) < 0)
			log_failure(-EIO);
	}
}
