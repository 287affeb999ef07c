/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rests between steps. The disk's counters say what was moved while a step ran; what the step
 * didn't move itself was somebody else's, who wants the disk now.
 */
#include "bootstrap/throttle.h"

#include "common/cleanup.h"
#include "common/err.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define STAT_SECTOR_BYTES 512 /* in stat, whatever the disk's sectors are */
#define READ_SECTORS_FIELD 2
#define WRITTEN_SECTORS_FIELD 6
#define REST_MOST_STEPS 2
#define REST_MOST_MS 5000
#define OTHERS_LEAST_BYTES (2 * MIB) /* metadata of the step itself, and a logger's trickle */

static uint64_t rest_for_limit(const struct throttle_step *step, uint64_t max_bytes_per_s)
{
	uint64_t should_ms;

	if (max_bytes_per_s == 0)
		return 0;
	should_ms = (uint64_t)(1000.0 * (double)step->bytes / (double)max_bytes_per_s);
	return should_ms - MIN(should_ms, step->took_ms);
}

/* In proportion to how much others moved, beside what the step moved. */
static uint64_t rest_for_others(const struct throttle_step *step)
{
	uint64_t others = step->disk_bytes - MIN(step->disk_bytes, step->own_bytes);
	double share;

	if (others < OTHERS_LEAST_BYTES || step->own_bytes == 0)
		return 0;
	share = REST_MOST_STEPS * (double)others / (double)step->own_bytes;
	if (share > REST_MOST_STEPS)
		share = REST_MOST_STEPS;
	return MIN((uint64_t)(share * (double)step->took_ms), REST_MOST_MS);
}

uint64_t throttle_rest_ms(const struct throttle_step *step, uint64_t max_bytes_per_s)
{
	return MAX(rest_for_limit(step, max_bytes_per_s), rest_for_others(step));
}

/* The next number of a line, -1 when there is none. */
static int64_t next_number(const char **at)
{
	int64_t number = 0;
	const char *c = *at;

	while (*c == ' ')
		c++;
	if (*c < '0' || *c > '9')
		return -1;
	for (; *c >= '0' && *c <= '9'; c++) {
		if (number > INT64_MAX / 10 - 1)
			return -1;
		number = 10 * number + (*c - '0');
	}
	*at = c;
	return number;
}

int throttle_parse_stat(const char *text, uint64_t *ret_bytes)
{
	uint64_t sectors = 0;

	for (unsigned field = 0; field <= WRITTEN_SECTORS_FIELD; field++) {
		int64_t number = next_number(&text);

		if (number < 0)
			return -EBADMSG;
		if (field == READ_SECTORS_FIELD || field == WRITTEN_SECTORS_FIELD)
			sectors += (uint64_t)number;
	}
	if (sectors > UINT64_MAX / STAT_SECTOR_BYTES)
		return -EBADMSG;
	*ret_bytes = sectors * STAT_SECTOR_BYTES;
	return 0;
}

int load_open(const char *device, int *ret_fd)
{
	char path[96], partition[96];
	struct stat st;
	int fd;

	if (stat(device, &st) < 0 || !S_ISBLK(st.st_mode))
		return fail(-ENOENT, "%s is not a block device", device);
	snprintf(partition, sizeof(partition), "/sys/dev/block/%u:%u/partition", major(st.st_rdev),
		 minor(st.st_rdev));
	/* of a partition: its disk's */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%sstat", major(st.st_rdev),
		 minor(st.st_rdev), access(partition, F_OK) == 0 ? "../" : "");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(-ENOENT, "opening %s: %s", path, strerror(errno));
	*ret_fd = fd;
	return 0;
}

uint64_t load_look(int fd)
{
	uint64_t bytes = 0;
	char text[512];
	ssize_t n;

	if (fd < 0)
		return 0;
	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return throttle_parse_stat(text, &bytes) < 0 ? 0 : bytes;
}
