/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See grub.h. The drop-in's two settings make 10_linux write root=UUID=<filesystem>, which is true
 * before and after the conversion: the filesystem's UUID moves into the mapping with it. Behind it,
 * under a cipher that GRUB doesn't have (Adiantum), grub-probe refuses to read the mapping, and
 * 10_linux names the mapping itself: as good, because the initramfs opens it under that name.
 */
#include "bootstrap/grub.h"

#include "bootstrap/grub_switch.h"
#include "bootstrap/mount.h"
#include "bootstrap/our_files.h"
#include "bootstrap/spawn.h"
#include "bootstrap/table.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GRUB_CFG_MAX_BYTES (1 * MIB)
#define GRUB_CFG_NEXT GRUB_CFG ".next"
#define ROOT_MAPPED "root=/dev/mapper/" MAPPING_NAME

int grub_write_defaults(enum grub_stage stage, const struct intent *intent)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_EMPTY;
	CLEANUP_FREE char *out = NULL;
	int r;

	strbuf_add(
		&text,
		"# The root filesystem is found by its own UUID: it lies in an encrypted volume.\n"
		"GRUB_DISABLE_LINUX_UUID=false\n"
		"GRUB_DISABLE_LINUX_PARTUUID=true\n");
	if (stage != GRUB_NATIVE)
		strbuf_add(&text,
			   "GRUB_DISABLE_RECOVERY=true\n"
			   "# Linux looks at the alternate partition table only when it is told.\n"
			   "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX gpt\"\n");
	if (stage == GRUB_MARKED)
		strbuf_addf(&text, "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX panocrypt.boot=%s\"\n",
			    intent->boot_uuid);
	r = strbuf_take(&text, &out);
	if (r < 0)
		return r;
	r = file_mkdirs("/etc/default/grub.d", 0755);
	if (r < 0)
		return r;
	return file_replace_text(OUR_GRUB_DEFAULTS, out, 0644);
}

struct entry_check {
	char wanted[64];
	unsigned entries, wrong;
};

static int check_line(const char *line, void *userdata)
{
	struct entry_check *check = userdata;

	line += strspn(line, " \t");
	if (strncmp(line, "linux\t", 6) != 0 && strncmp(line, "linux ", 6) != 0)
		return 0;
	check->entries++;
	if (!strstr(line, check->wanted) && !strstr(line, ROOT_MAPPED))
		check->wrong++;
	return 0;
}

/* What update-grub does, but beside: grub-mkconfig empties its output and fills it again, and GRUB,
 * which replays no journal, would find the half of it. */
static int make_next(void)
{
	struct spawn make = { .argv = { "grub-mkconfig", "-o", GRUB_CFG_NEXT }, .timeout_s = 900 };

	return spawn_run(&make);
}

static int use_next(void)
{
	int r = file_copy(GRUB_CFG_NEXT, GRUB_CFG);

	return r < 0 ? r : file_remove(GRUB_CFG_NEXT);
}

int grub_update_plain(void)
{
	int r = make_next();

	return r < 0 ? r : use_next();
}

int grub_update(const struct intent *intent)
{
	struct entry_check check = { .entries = 0 };
	CLEANUP_FREE char *text = NULL;
	int r;

	r = make_next();
	if (r < 0)
		return r;
	r = file_read(GRUB_CFG_NEXT, GRUB_CFG_MAX_BYTES, &text, NULL);
	if (r < 0)
		return fail(r, "grub-mkconfig left no readable " GRUB_CFG_NEXT);
	snprintf(check.wanted, sizeof(check.wanted), "root=UUID=%s", intent->fs_uuid);
	r = file_each_line(text, check_line, &check);
	if (r < 0)
		return fail_at(r, GRUB_CFG_NEXT);
	if (!check.entries || check.wrong)
		return fail(-EINVAL,
			    "grub-mkconfig wrote %u of %u entries without %s: look for settings in "
			    "/etc/default/grub "
			    "and /etc/default/grub.d that force another root=",
			    check.wrong, check.entries, check.wanted);
	return use_next();
}

/* Files alone: the disk's boot sector, and so which GRUB starts, stays as it is. */
static int install_bios(const struct facts *facts)
{
	struct spawn files = { .argv = { "grub-install", "--target=i386-pc", "--no-bootsector",
					 facts->disk },
			       .timeout_s = 900 };
	CLEANUP_FREE struct table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return fail(-ENOMEM, "out of memory");
	r = spawn_run(&files);
	if (r == 0)
		r = mount_settle("/boot");
	if (r == 0)
		r = table_read(facts->disk, table);
	if (r < 0)
		return r;
	if (table->sector_bytes != SECTOR_BYTES) /* GRUB counts in the BIOS's sectors */
		return fail(-EOPNOTSUPP,
			    "boot-loader: %s has sectors of %llu bytes, and a BIOS that starts "
			    "from such a disk is not known: boot it by EFI",
			    facts->disk, (unsigned long long)table->sector_bytes);
	for (size_t i = 0; i < table->count; i++) {
		const struct table_partition *partition = &table->partitions[i];

		if (strcasecmp(partition->type, GPT_BIOS_BOOT) == 0)
			return grub_switch_bios(facts->disk, partition->start_bytes,
						partition->size_bytes, "/boot/grub/i386-pc");
	}
	return fail(-ENOENT, "boot-loader: %s has no BIOS boot partition any more", facts->disk);
}

/* Into a folder of its own on the ESP (grub-install wants a FAT), then file by file. */
static int install_efi(const struct facts *facts)
{
	CLEANUP_FREE char *staged = NULL, *folder = NULL;
	struct spawn files = { .argv = { "grub-install", "--target=x86_64-efi", "--no-nvram",
					 "--uefi-secure-boot", "--force-extra-removable", NULL },
			       .timeout_s = 900 };
	int r = text_format(&staged, "%s/panocrypt-new", facts->esp_mount);

	if (r == 0)
		r = text_format(&folder, "--efi-directory=%s", staged);
	if (r == 0)
		r = file_mkdirs(staged, 0700);
	if (r < 0)
		return r;
	files.argv[5] = folder;
	r = spawn_run(&files);
	if (r == 0)
		r = mount_settle("/boot");
	return r < 0 ? r : grub_switch_efi(staged, facts->esp_mount);
}

int grub_install(const struct facts *facts)
{
	unsigned installed = 0;
	int r;

	if (facts->has_bios_boot && file_exists("/usr/lib/grub/i386-pc")) {
		r = install_bios(facts);
		if (r < 0)
			return r;
		installed++;
	}
	if (facts->has_esp && facts->esp_mount[0] && file_exists("/usr/lib/grub/x86_64-efi")) {
		r = install_efi(facts);
		if (r < 0)
			return r;
		installed++;
	}
	if (!installed)
		return fail(-ENOENT, "there is neither a BIOS boot partition nor a mounted ESP "
				     "with GRUB's files for "
				     "it: the boot loader can't be moved to the new /boot");
	return 0;
}

int grub_cfg_has(const char *text, bool *ret)
{
	CLEANUP_FREE char *config = NULL;
	int r;

	r = file_read(GRUB_CFG, GRUB_CFG_MAX_BYTES, &config, NULL);
	if (r < 0)
		return r;
	*ret = strstr(config, text) != NULL;
	return 0;
}
