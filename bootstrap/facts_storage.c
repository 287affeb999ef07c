/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root filesystem, the device and the disk below it, /boot, and everything else that is mounted
 * writable. Devices are opened read-only.
 */
#include "bootstrap/facts_parts.h"

#include "bootstrap/block.h"
#include "bootstrap/facts_parse.h"
#include "bootstrap/fs.h"
#include "bootstrap/mount.h"
#include "bootstrap/table.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

/* ext4 superblock (Documentation/filesystems/ext4): at byte 1024; s_magic, s_state little-endian.
 */
#define EXT4_SUPER_OFFSET 1024
#define EXT4_MAGIC_AT 0x38
#define EXT4_STATE_AT 0x3a
#define EXT4_STATE_ERROR 0x0002

DEFINE_CLEANUP(DIR *, closedir);
#define CLEANUP_DIR CLEANUP(closedirp)

#define PUT(to, ...) snprintf(to, sizeof(to), __VA_ARGS__)

/* A small file in the device's folder in sysfs; "" when there is none. The caller frees. */
static char *sys_read(dev_t device, const char *name)
{
	CLEANUP_FREE char *path = NULL;
	char *text;

	if (text_format(&path, "/sys/dev/block/%u:%u/%s", major(device), minor(device), name) < 0)
		return facts_read("");
	text = facts_read(path);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The node that the kernel itself would give the device: DEVNAME of its uevent. */
static void device_node(dev_t device, char *ret, size_t size)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	const char *name;

	if (text_format(&path, "/sys/dev/block/%u:%u/uevent", major(device), minor(device)) < 0)
		return;
	text = facts_read(path);
	name = strstr(text, "DEVNAME=");
	if (!name)
		return;
	name += strlen("DEVNAME=");
	snprintf(ret, size, "/dev/%.*s", (int)strcspn(name, "\n"), name);
}

struct leaf {
	dev_t device;
	unsigned count; /* of different ones */
};

/* While a volume is encrypted online, libcryptsetup puts devices of its own between the mapping and
 * what it stands on: they are passed through. */
static void find_leaves(dev_t device, struct leaf *leaf, unsigned levels_left)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;
	unsigned number_major, number_minor;

	if (text_format(&path, "/sys/dev/block/%u:%u/slaves", major(device), minor(device)) < 0)
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *number_path = NULL, *number = NULL, *dm_uuid = NULL;
		dev_t below;

		if (entry->d_name[0] == '.' ||
		    text_format(&number_path, "/sys/class/block/%s/dev", entry->d_name) < 0)
			continue;
		number = facts_read(number_path);
		if (sscanf(number, "%u:%u", &number_major, &number_minor) != 2)
			continue;
		below = makedev(number_major, number_minor);
		dm_uuid = sys_read(below, "dm/uuid");
		if (strncmp(dm_uuid, "CRYPT-SUBDEV", 12) == 0 && levels_left > 0)
			find_leaves(below, leaf, levels_left - 1);
		else if (leaf->count == 0 || leaf->device != below)
			*leaf = (struct leaf){ below, leaf->count + 1 };
	}
}

/* The one device below a mapping; false when there are none or several. */
static bool device_below(dev_t device, dev_t *ret)
{
	struct leaf leaf = { .count = 0 };

	find_leaves(device, &leaf, 3);
	*ret = leaf.device;
	return leaf.count == 1;
}

/* What the device is made of. For LUKS, *ret_partition becomes the device that holds the header. */
static enum root_kind classify(dev_t root, struct facts *facts, dev_t *ret_partition)
{
	CLEANUP_FREE char *dm_uuid = sys_read(root, "dm/uuid");
	CLEANUP_FREE char *raid = sys_read(root, "md/level");
	CLEANUP_FREE char *partition = sys_read(root, "partition");
	dev_t below;

	*ret_partition = root;
	if (*raid)
		return ROOT_RAID;
	if (strncmp(dm_uuid, "LVM-", 4) == 0)
		return ROOT_LVM;
	if (strncmp(dm_uuid, "CRYPT-LUKS", 10) == 0 && device_below(root, &below)) {
		struct block_content content;

		*ret_partition = below;
		device_node(below, facts->luks_device, sizeof(facts->luks_device));
		if (block_probe(facts->luks_device, &content) == 0)
			PUT(facts->luks_uuid, "%s", content.uuid);
		return ROOT_LUKS;
	}
	return *partition ? ROOT_PARTITION : ROOT_OTHER;
}

static bool has_ext4_errors(const char *device)
{
	CLEANUP_FREE char *path = NULL, *count = NULL;
	CLEANUP_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	const char *name = strrchr(device, '/');
	uint8_t super[64];

	if (fd >= 0 && file_pread_all(fd, super, sizeof(super), EXT4_SUPER_OFFSET) == 0 &&
	    super[EXT4_MAGIC_AT] == 0x53 && super[EXT4_MAGIC_AT + 1] == 0xef &&
	    (super[EXT4_STATE_AT] & EXT4_STATE_ERROR))
		return true;
	if (!name || text_format(&path, "/sys/fs/ext4/%s/errors_count", name + 1) < 0)
		return false;
	count = facts_read(path);
	return strspn(count, "0\n") != strlen(count);
}

static void look_filesystem(struct facts *facts)
{
	struct facts_mount mount;
	struct block_content content;
	struct statvfs vfs;

	if (mount_at("/", &mount, facts->root_options, sizeof(facts->root_options)) == 0)
		PUT(facts->root_fstype, "%s", mount.fstype);
	if (statvfs("/", &vfs) == 0) {
		facts->fs_used_bytes = (vfs.f_blocks - vfs.f_bfree) * vfs.f_frsize;
		facts->fs_free_bytes = vfs.f_bfree * vfs.f_frsize;
	}
	if (!facts->root_device[0])
		return;
	if (block_probe(facts->root_device, &content) == 0)
		PUT(facts->fs_uuid, "%s", content.uuid);
	if (block_size(facts->root_device, &facts->root_bytes) < 0)
		facts->root_bytes = 0;
	if (strcmp(facts->root_fstype, "ext4") == 0)
		facts->fs_has_errors = has_ext4_errors(facts->root_device);
}

static void look_partition(const struct table_partition *partition, struct facts *facts)
{
	struct facts_mount mount;
	char node[FACTS_PATH_MAX];

	if (partition->number == facts->root_number)
		facts->root_start_bytes = partition->start_bytes;
	if (strcasecmp(partition->type, GPT_BIOS_BOOT) == 0)
		facts->has_bios_boot = true;
	if (strcasecmp(partition->type, GPT_ESP) != 0)
		return;
	facts->has_esp = true;
	if (table_node(facts->disk, partition->number, node, sizeof(node)) == 0 &&
	    mount_at("/boot/efi", &mount, NULL, 0) == 0 && strcmp(mount.source, node) == 0)
		PUT(facts->esp_mount, "%s", mount.target);
}

static void look_disk(dev_t partition, struct facts *facts)
{
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	char node[FACTS_PATH_MAX] = "";
	size_t i;

	device_node(partition, node, sizeof(node));
	if (!table || !node[0] ||
	    block_parent(node, facts->disk, sizeof(facts->disk), &facts->root_number) < 0)
		return;
	if (block_partuuid(node, facts->root_partuuid) < 0)
		facts->root_partuuid[0] = '\0';
	if (block_size(facts->disk, &facts->disk_bytes) < 0)
		facts->disk_bytes = 0;
	if (table_read(facts->disk, table) < 0)
		return;
	PUT(facts->table_type, "%s", table->type);
	PUT(facts->disk_id, "%s", table->disk_id);
	facts->sector_bytes = table->sector_bytes;
	for (i = 0; i < table->count; i++)
		look_partition(&table->partitions[i], facts);
}

static uint64_t tree_bytes;

static int add_file(const char *path UNUSED, const struct stat *st, int kind, struct FTW *at UNUSED)
{
	if (kind == FTW_F)
		tree_bytes += (uint64_t)st->st_blocks * SECTOR_BYTES;
	return 0;
}

static void look_boot(dev_t root, struct facts *facts)
{
	struct block_content content;
	struct facts_mount mount;
	struct stat st;

	tree_bytes = 0;
	if (nftw("/boot", add_file, 16, FTW_PHYS | FTW_MOUNT) == 0)
		facts->boot_used_bytes = tree_bytes;
	if (stat("/boot", &st) < 0 || st.st_dev == root || mount_at("/boot", &mount, NULL, 0) < 0)
		return;
	facts->is_boot_separate = true;
	PUT(facts->boot_device, "%s", mount.source);
	PUT(facts->boot_fstype, "%s", mount.fstype);
	if (block_probe(mount.source, &content) == 0)
		PUT(facts->boot_uuid, "%s", content.uuid);
	if (block_partuuid(mount.source, facts->boot_partuuid) < 0)
		facts->boot_partuuid[0] = '\0';
}

void facts_look_layout(struct facts *facts)
{
	const struct fs *fs = NULL;

	if (facts->root_kind != ROOT_PARTITION || fs_find(facts->root_fstype, &fs) < 0 ||
	    fs->unmoved_bytes(facts->root_device, NULL, &facts->fs_unmoved_bytes) < 0 ||
	    fs->least_bytes(facts->root_device, NULL, &facts->fs_least_bytes) < 0)
		facts->fs_unmoved_bytes = facts->fs_least_bytes = 0;
	fail_clear();
}

static bool is_read_only(const char *options)
{
	return strcmp(options, "ro") == 0 || strncmp(options, "ro,", 3) == 0;
}

struct mount_look {
	struct facts *facts;
	dev_t root;
};

/* Collects writable filesystems on local devices other than root, /boot and the ESP; each device
 * once. */
static int look_mount(const struct facts_mount *mount, const char *options, void *userdata)
{
	const struct mount_look *look = userdata;
	struct facts *facts = look->facts;
	bool is_zfs = strcmp(mount->fstype, "zfs") == 0;
	struct stat st;
	size_t i;

	if (facts->other_writable_count == FACTS_LIST_MAX || is_read_only(options))
		return 0;
	if (!is_zfs && (strncmp(mount->source, "/dev/", 5) != 0 || stat(mount->source, &st) < 0 ||
			!S_ISBLK(st.st_mode) || st.st_rdev == look->root))
		return 0;
	if (strcmp(mount->source, facts->boot_device) == 0 ||
	    strcmp(mount->target, facts->esp_mount) == 0 || strcmp(mount->target, "/") == 0)
		return 0;
	for (i = 0; i < facts->other_writable_count; i++) {
		if (strcmp(facts->other_writable[i].source, mount->source) == 0)
			return 0;
	}
	facts->other_writable[facts->other_writable_count++] = *mount;
	return 0;
}

void facts_look_storage(struct facts *facts)
{
	CLEANUP_FREE char *swaps = facts_read("/proc/swaps");
	struct mount_look look = { facts, 0 };
	dev_t partition = 0;
	struct stat st;
	int r UNUSED;

	facts_parse_swaps(swaps, facts);
	if (stat("/", &st) < 0)
		return;
	look.root = st.st_dev;
	facts->root_kind = ROOT_OTHER;
	if (major(st.st_dev)) { /* 0: no block device: overlay, btrfs, zfs, network */
		device_node(st.st_dev, facts->root_device, sizeof(facts->root_device));
		facts->root_kind = classify(st.st_dev, facts, &partition);
		look_disk(partition, facts);
	}
	look_filesystem(facts);
	look_boot(st.st_dev, facts);
	r = mount_each(look_mount, &look);
	fail_clear();
}
