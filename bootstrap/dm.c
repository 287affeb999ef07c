/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linux/dm-ioctl.h. Buffers are static: one process, one thread.
 */
#include "bootstrap/dm.h"

#include "common/cleanup.h"
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

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

/* --- a cipher --------------------------------------------------------------------------------- */

#define TRY_UNDER "panocrypt-try-under" /* of the target "error": holds nothing, touches nothing */
#define TRY_CRYPT "panocrypt-try"
#define TRY_SECTORS 8
#define TRY_KEY_BYTES_MAX 64

static struct {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char params[512];
} table;

static int create(int fd, const char *name, uint64_t *ret_dev)
{
	struct dm_ioctl head;

	begin(&head, sizeof(head), name);
	if (ioctl(fd, DM_DEV_CREATE, &head) < 0)
		return fail(-errno, "making a device-mapper device: %s", strerror(errno));
	*ret_dev = head.dev;
	return 0;
}

/* Never resumed: the device stays without a size. */
static int load(int fd, const char *name, const char *target, const char *params)
{
	memset(&table, 0, sizeof(table));
	begin(&table.head, sizeof(table), name);
	table.head.target_count = 1;
	table.target.length = TRY_SECTORS;
	snprintf(table.target.target_type, sizeof(table.target.target_type), "%s", target);
	snprintf(table.params, sizeof(table.params), "%s", params);
	return ioctl(fd, DM_TABLE_LOAD, &table) < 0 ? -errno : 0;
}

/* Nothing more can be done about one that stays; it is in nobody's way. */
static void remove_device(int fd, const char *name)
{
	struct dm_ioctl head;
	int r UNUSED;

	begin(&head, sizeof(head), name);
	r = ioctl(fd, DM_DEV_REMOVE, &head);
}

/* A key of no use to anybody, with two different halves. */
static void put_key(char *to, size_t key_bytes)
{
	for (size_t i = 0; i < key_bytes; i++)
		snprintf(to + 2 * i, 3, "%02x", (unsigned)i);
}

static int load_crypt(int fd, const char *cipher, size_t key_bytes, uint64_t under)
{
	char key[2 * TRY_KEY_BYTES_MAX + 1], params[sizeof(table.params)];
	int r;

	if (key_bytes > TRY_KEY_BYTES_MAX)
		return fail(-EINVAL, "a key of %zu bytes is none that is used here", key_bytes);
	put_key(key, key_bytes);
	snprintf(params, sizeof(params), "%s %s 0 %u:%u 0", cipher, key, major(under),
		 minor(under));
	r = load(fd, TRY_CRYPT, "crypt", params);
	if (r < 0)
		return fail(r,
			    "this kernel, with the modules in this image, can't encrypt by %s: %s",
			    cipher, strerror(-r));
	return 0;
}

static int try_above(int fd, const char *cipher, size_t key_bytes, uint64_t under)
{
	uint64_t crypt = 0;
	int r = load(fd, TRY_UNDER, "error", "");

	if (r < 0)
		return fail(r, "a device-mapper table of nothing: %s", strerror(-r));
	r = create(fd, TRY_CRYPT, &crypt);
	if (r < 0)
		return r;
	r = load_crypt(fd, cipher, key_bytes, under);
	remove_device(fd, TRY_CRYPT);
	return r;
}

int dm_try_cipher(const char *cipher, size_t key_bytes)
{
	CLEANUP_CLOSE int fd = -1;
	uint64_t under = 0;
	int r = dm_open(&fd);

	if (r == 0)
		r = create(fd, TRY_UNDER, &under);
	if (r < 0)
		return r;
	r = try_above(fd, cipher, key_bytes, under);
	remove_device(fd, TRY_UNDER);
	return r;
}
