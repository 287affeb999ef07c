/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linux/dm-ioctl.h. Buffers are static: one process, one thread.
 */
#include "bootstrap/dm.h"

#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define CONTROL "/dev/mapper/control"
#define LIST_BYTES (64 * KIB)

static union {
	struct dm_ioctl head;
	uint8_t bytes[LIST_BYTES];
} list;

static void begin(struct dm_ioctl *head, size_t bytes, const char *name)
{
	memset(head, 0, sizeof(*head));
	head->version[0] = DM_VERSION_MAJOR;
	head->data_size = (uint32_t)bytes;
	head->data_start = sizeof(*head);
	snprintf(head->name, sizeof(head->name), "%s", name);
}

int dm_open(int *ret_fd)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fail(-errno, "opening " CONTROL ": %s", strerror(errno));
	*ret_fd = fd;
	return 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && (name[len] == '\0' || name[len] == '-');
}

static int is_suspended(int fd, const char *name)
{
	struct dm_ioctl head;

	begin(&head, sizeof(head), name);
	if (ioctl(fd, DM_DEV_STATUS, &head) < 0)
		return errno == ENXIO ? 0 : -errno; /* gone meanwhile */
	return (head.flags & DM_SUSPEND_FLAG) != 0;
}

int dm_find_suspended(int fd, const char *prefix, char ret_name[static DM_NAME_SIZE])
{
	const struct dm_name_list *device;
	size_t at;

	begin(&list.head, sizeof(list), "");
	if (ioctl(fd, DM_LIST_DEVICES, &list) < 0)
		return -errno;
	if (list.head.flags & DM_BUFFER_FULL_FLAG)
		return -E2BIG;
	at = list.head.data_start;
	device = (const void *)(list.bytes + at);
	if (list.head.data_size < at + sizeof(*device) || device->dev == 0)
		return 0;
	for (;;) {
		int r = has_prefix(device->name, prefix) ? is_suspended(fd, device->name) : 0;

		if (r != 0) {
			snprintf(ret_name, DM_NAME_SIZE, "%s", device->name);
			return r;
		}
		if (device->next == 0 || at + device->next + sizeof(*device) > sizeof(list))
			return 0;
		at += device->next;
		device = (const void *)(list.bytes + at);
	}
}

int dm_resume(int fd, const char *name)
{
	struct dm_ioctl head;

	begin(&head, sizeof(head), name); /* without DM_SUSPEND_FLAG it means resume */
	return ioctl(fd, DM_DEV_SUSPEND, &head) < 0 ? -errno : 0;
}
