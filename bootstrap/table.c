/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See table.h. libfdisk writes a GPT in the order alternate entries, alternate header, primary
 * entries, primary header, protective MBR (libfdisk/src/gpt.c, gpt_write_disklabel()); it flushes
 * only at the end. The descriptor we give it has O_DSYNC, so each of these writes is durable before
 * the next. A cut between the last two leaves new entries under the old header: Linux then needs
 * "gpt" on the command line to look at the alternate one, and table_mend() writes the primary
 * again.
 */
#include "bootstrap/table.h"

#include "common/cleanup.h"
#include "common/err.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdisk/libfdisk.h>
#include <linux/blkpg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define ALIGN_BYTES MIB

DEFINE_CLEANUP(struct fdisk_context *, fdisk_unref_context);
DEFINE_CLEANUP(struct fdisk_table *, fdisk_unref_table);
DEFINE_CLEANUP(struct fdisk_partition *, fdisk_unref_partition);
DEFINE_CLEANUP(struct fdisk_parttype *, fdisk_unref_parttype);

#define CLEANUP_CONTEXT CLEANUP(fdisk_unref_contextp)
#define CLEANUP_PARTITION CLEANUP(fdisk_unref_partitionp)

static void copy_lower(char *ret, size_t size, const char *text)
{
	size_t i;

	for (i = 0; text && text[i] && i + 1 < size; i++)
		ret[i] = (char)tolower((unsigned char)text[i]);
	ret[i] = '\0';
}

/* libfdisk doesn't own fd: it must live as long as *ret. */
static int open_context(const char *disk, bool is_writing, int *ret_fd, struct fdisk_context **ret)
{
	CLEANUP_CLOSE int fd = open(disk, (is_writing ? O_RDWR | O_DSYNC : O_RDONLY) | O_CLOEXEC);
	CLEANUP_CONTEXT struct fdisk_context *context = NULL;
	int r;

	if (fd < 0)
		return fail(-errno, "%s can't be opened: %s", disk, strerror(errno));
	context = fdisk_new_context();
	if (!context)
		return -ENOMEM;
	fdisk_disable_dialogs(context, 1);
	r = fdisk_assign_device_by_fd(context, fd, disk, !is_writing);
	if (r < 0)
		return fail(r, "the partition table of %s can't be read: %s", disk, strerror(-r));
	if (!fdisk_has_label(context))
		return fail(-ENOENT, "%s has no partition table", disk);
	*ret_fd = TAKE_FD(fd);
	*ret = TAKE_PTR(context);
	return 0;
}

static void read_partition(struct fdisk_partition *from, uint64_t sector_bytes,
			   struct table_partition *ret)
{
	struct fdisk_parttype *type = fdisk_partition_get_type(from);

	*ret = (struct table_partition){
		.number = (unsigned)fdisk_partition_get_partno(from) + 1,
		.start_bytes = fdisk_partition_get_start(from) * sector_bytes,
		.size_bytes = fdisk_partition_get_size(from) * sector_bytes,
	};
	copy_lower(ret->type, sizeof(ret->type), type ? fdisk_parttype_get_string(type) : NULL);
	copy_lower(ret->partuuid, sizeof(ret->partuuid), fdisk_partition_get_uuid(from));
	snprintf(ret->name, sizeof(ret->name), "%s", fdisk_partition_get_name(from) ?: "");
}

static int read_context(struct fdisk_context *context, struct table *ret)
{
	CLEANUP(fdisk_unref_tablep) struct fdisk_table *list = NULL;
	CLEANUP_FREE char *id = NULL;
	int r = fdisk_get_partitions(context, &list);

	if (r < 0)
		return r;
	if (fdisk_get_disklabel_id(context, &id) < 0)
		id = NULL;
	*ret = (struct table){ .sector_bytes = fdisk_get_sector_size(context) };
	copy_lower(ret->type, sizeof(ret->type),
		   fdisk_label_get_name(fdisk_get_label(context, NULL)));
	copy_lower(ret->disk_id, sizeof(ret->disk_id), id);
	ret->first_bytes = fdisk_get_first_lba(context) * ret->sector_bytes;
	ret->last_bytes = (fdisk_get_last_lba(context) + 1) * ret->sector_bytes;
	for (size_t i = 0; i < fdisk_table_get_nents(list) && ret->count < TABLE_PARTITIONS_MAX;
	     i++) {
		struct fdisk_partition *partition = fdisk_table_get_partition(list, i);

		if (fdisk_partition_has_start(partition) && fdisk_partition_has_size(partition))
			read_partition(partition, ret->sector_bytes,
				       &ret->partitions[ret->count++]);
	}
	return 0;
}

int table_read(const char *disk, struct table *ret)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_CONTEXT struct fdisk_context *context = NULL;
	int r = open_context(disk, false, &fd, &context);

	if (r < 0)
		return r;
	r = read_context(context, ret);
	return r < 0 ? fail(r, "the partitions of %s can't be read: %s", disk, strerror(-r)) : 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

static struct table_partition *find_number(struct table *table, unsigned number)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->partitions[i].number == number)
			return &table->partitions[i];
	}
	return NULL;
}

static struct table_partition *find_partuuid(struct table *table, const char *partuuid)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcasecmp(table->partitions[i].partuuid, partuuid) == 0)
			return &table->partitions[i];
	}
	return NULL;
}

/* Tells the kernel about one partition; a disk that is a plain file has nobody to tell. */
static int tell_kernel(int fd, int operation, const struct table_partition *partition)
{
	struct blkpg_partition what = {
		.start = (long long)partition->start_bytes,
		.length = (long long)partition->size_bytes,
		.pno = (int)partition->number,
	};
	struct blkpg_ioctl_arg argument = { .op = operation,
					    .datalen = sizeof(what),
					    .data = &what };
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISBLK(status.st_mode) || ioctl(fd, BLKPG, &argument) == 0)
		return 0;
	return fail(-errno, "the kernel doesn't take the change of partition %u: %s",
		    partition->number, strerror(errno));
}

static int set_size(struct fdisk_context *context, const struct table_partition *partition,
		    uint64_t sector_bytes)
{
	CLEANUP_PARTITION struct fdisk_partition *change = fdisk_new_partition();
	int r;

	if (!change)
		return -ENOMEM;
	r = fdisk_partition_set_size(change, partition->size_bytes / sector_bytes);
	if (r == 0)
		r = fdisk_partition_size_explicit(change, 1);
	if (r == 0)
		r = fdisk_set_partition(context, partition->number - 1, change);
	return r < 0 ? fail(r, "partition %u can't be given another size: %s", partition->number,
			    strerror(-r))
		     : 0;
}

static int add(struct fdisk_context *context, uint64_t sector_bytes,
	       struct table_partition *partition)
{
	CLEANUP_PARTITION struct fdisk_partition *new = fdisk_new_partition();
	CLEANUP(fdisk_unref_parttypep) struct fdisk_parttype *type = NULL;
	size_t number = 0;
	int r;

	type = fdisk_label_parse_parttype(fdisk_get_label(context, NULL), TABLE_LINUX_TYPE);
	if (!new || !type)
		return -ENOMEM;
	r = fdisk_partition_set_start(new, partition->start_bytes / sector_bytes);
	if (r == 0)
		r = fdisk_partition_set_size(new, partition->size_bytes / sector_bytes);
	if (r == 0)
		r = fdisk_partition_size_explicit(new, 1);
	if (r == 0)
		r = fdisk_partition_partno_follow_default(new, 1);
	if (r == 0)
		r = fdisk_partition_set_type(new, type);
	if (r == 0)
		r = fdisk_partition_set_uuid(new, partition->partuuid);
	if (r == 0)
		r = fdisk_add_partition(context, new, &number);
	if (r < 0)
		return fail(r, "a partition for /boot can't be added: %s", strerror(-r));
	partition->number = (unsigned)number + 1;
	return 0;
}

static int write_table(struct fdisk_context *context, int fd, const char *disk)
{
	int r = fdisk_write_disklabel(context);

	if (r < 0)
		return fail(r, "the partition table of %s can't be written: %s", disk,
			    strerror(-r));
	return fsync(fd) < 0 ? fail(-errno, "%s can't be flushed: %s", disk, strerror(errno)) : 0;
}

/* What stands in the table before anything is changed; the partition to change must be there. */
static int look(struct fdisk_context *context, const char *disk, unsigned number, struct table *ret,
		struct table_partition **ret_partition)
{
	int r = read_context(context, ret);

	if (r < 0)
		return fail(r, "the partitions of %s can't be read: %s", disk, strerror(-r));
	if (strcmp(ret->type, "gpt") != 0)
		return fail(-EOPNOTSUPP, "%s has a partition table of type %s: only GPT is built",
			    disk, ret->type);
	*ret_partition = find_number(ret, number);
	if (!*ret_partition)
		return fail(-ENOENT, "%s has no partition %u", disk, number);
	return 0;
}

int table_carve(const char *disk, unsigned shrink, uint64_t new_size_bytes, uint64_t new_bytes,
		const char *partuuid, unsigned *ret_number)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_CONTEXT struct fdisk_context *context = NULL;
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	struct table_partition *root = NULL, new = { .size_bytes = new_bytes };
	int r;

	if (!table)
		return -ENOMEM;
	r = open_context(disk, true, &fd, &context);
	if (r == 0)
		r = look(context, disk, shrink, table, &root);
	if (r < 0)
		return r;
	{
		struct table_partition cut = *root;

		cut.size_bytes = new_size_bytes;
		new.start_bytes = table_start_behind(&cut);
	}
	if (new_size_bytes % table->sector_bytes || new_bytes % table->sector_bytes ||
	    new.start_bytes + new_bytes > root->start_bytes + root->size_bytes)
		return fail(-EINVAL, "partition %u of %s has no room for another of %llu bytes",
			    shrink, disk, (unsigned long long)new_bytes);
	snprintf(new.partuuid, sizeof(new.partuuid), "%s", partuuid);
	root->size_bytes = new_size_bytes;
	r = set_size(context, root, table->sector_bytes);
	if (r == 0)
		r = add(context, table->sector_bytes, &new);
	if (r == 0)
		r = write_table(context, fd, disk);
	if (r == 0)
		r = tell_kernel(fd, BLKPG_RESIZE_PARTITION, root);
	if (r == 0)
		r = tell_kernel(fd, BLKPG_ADD_PARTITION, &new);
	if (r < 0)
		return r;
	*ret_number = new.number;
	return 0;
}

uint64_t table_start_behind(const struct table_partition *partition)
{
	uint64_t end = partition->start_bytes + partition->size_bytes;

	return (end + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
}

/* Up to the next partition, or the end of what the table may use. */
static uint64_t room_behind(const struct table *table, const struct table_partition *partition)
{
	uint64_t end = table->last_bytes;

	for (size_t i = 0; i < table->count; i++) {
		uint64_t start = table->partitions[i].start_bytes;

		if (start > partition->start_bytes && start < end)
			end = start;
	}
	return end - partition->start_bytes;
}

int table_uncarve(const char *disk, unsigned grow, const char *partuuid)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_CONTEXT struct fdisk_context *context = NULL;
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	struct table_partition *root = NULL, *carved, gone = { 0 };
	uint64_t room;
	int r;

	if (!table)
		return -ENOMEM;
	r = open_context(disk, true, &fd, &context);
	if (r == 0)
		r = look(context, disk, grow, table, &root);
	if (r < 0)
		return r;
	carved = find_partuuid(table, partuuid);
	if (carved) {
		gone = *carved;
		r = fdisk_delete_partition(context, carved->number - 1);
		if (r < 0)
			return fail(r, "partition %u of %s can't be deleted: %s", gone.number, disk,
				    strerror(-r));
		carved->start_bytes = 0; /* no longer in the way of root */
	}
	room = room_behind(table, root);
	if (!carved && room == root->size_bytes)
		return 0;
	root->size_bytes = room;
	r = set_size(context, root, table->sector_bytes);
	/* The kernel first: it refuses while somebody has the partition mounted, and then nothing
	 * was written. */
	if (r == 0 && carved)
		r = tell_kernel(fd, BLKPG_DEL_PARTITION, &gone);
	if (r == 0)
		r = write_table(context, fd, disk);
	return r < 0 ? r : tell_kernel(fd, BLKPG_RESIZE_PARTITION, root);
}

/* --- mending ---------------------------------------------------------------------------------- */

/* libfdisk takes the copy that is whole for both, and says that there is something to write
 * (libfdisk/src/gpt.c, gpt_probe_label()). */
static bool is_torn(struct fdisk_context *context)
{
	return fdisk_label_is_changed(fdisk_get_label(context, NULL));
}

int table_is_torn(const char *disk, bool *ret)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_CONTEXT struct fdisk_context *context = NULL;
	int r = open_context(disk, false, &fd, &context);

	if (r == 0)
		*ret = is_torn(context);
	return r;
}

int table_mend(const char *disk, const struct table *known, size_t count,
	       bool (*is_same)(const struct table *a, const struct table *b))
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_CONTEXT struct fdisk_context *context = NULL;
	CLEANUP_FREE struct table *now = calloc(1, sizeof(*now));
	int r = now ? open_context(disk, true, &fd, &context) : -ENOMEM;

	if (r < 0 || !is_torn(context))
		return r;
	r = read_context(context, now);
	if (r < 0)
		return fail(r, "the partitions of %s can't be read: %s", disk, strerror(-r));
	for (size_t i = 0; i < count; i++) {
		if (is_same(now, &known[i]))
			return write_table(context, fd, disk);
	}
	return fail(-EUCLEAN,
		    "one copy of the partition table of %s is damaged, and the other isn't one "
		    "that we know: it is left as it is; look at it with \"sgdisk -v\"",
		    disk);
}

int table_node(const char *disk, unsigned number, char *ret, size_t size)
{
	size_t len = strlen(disk);
	const char *between = len && isdigit((unsigned char)disk[len - 1]) ? "p" : "";
	int n = snprintf(ret, size, "%s%s%u", disk, between, number);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}
