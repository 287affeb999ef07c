/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fake_machine.h: the programs that the phases start, boot images, the boot loader.
 */
#include "bootstrap/etc_files.h"
#include "bootstrap/grub.h"
#include "bootstrap/grub_switch.h"
#include "bootstrap/initrd.h"
#include "bootstrap/our_files.h"
#include "bootstrap/spawn.h"
#include "common/file.h"

#include "tests/unit/failing.h"
#include "tests/unit/fake_machine.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/utsname.h>

/* --- files ------------------------------------------------------------------------------------ */

const char *machine_image_path(void)
{
	static char path[FAKE_PATH_MAX];
	struct utsname kernel;

	uname(&kernel);
	snprintf(path, sizeof(path), "/boot/initrd.img-%s", kernel.release);
	return path;
}

bool machine_file_says(const char *path, const char *text)
{
	char *data = NULL;
	bool is_in = file_read(path, FAKE_FILE_BYTES, &data, NULL) == 0 && strstr(data, text);

	free(data);
	return is_in;
}

/* --- programs --------------------------------------------------------------------------------- */

static bool has_argument(const struct spawn *spawn, const char *text)
{
	for (size_t i = 0; i < SPAWN_ARGS_MAX && spawn->argv[i]; i++) {
		if (strcmp(spawn->argv[i], text) == 0)
			return true;
	}
	return false;
}

static int apt_get(const struct spawn *spawn)
{
	if (has_argument(spawn, "install"))
		machine->has_packages = true;
	if (has_argument(spawn, "purge"))
		machine->has_packages = false;
	return 0;
}

/* Nothing was cut inside of it. */
static int dpkg(const struct spawn *spawn)
{
	assert_true(has_argument(spawn, "--configure"));
	return 0;
}

static int mkfs(const struct spawn *spawn UNUSED)
{
	assert_false(machine->is_boot_mounted);
	fake_files_drop("@");
	machine->is_boot_made = true;
	return 0;
}

static int cp(const struct spawn *spawn UNUSED)
{
	fake_files_copy("/boot/", "@/boot/");
	return 0;
}

static int mount_by_fstab(const struct spawn *spawn)
{
	bool is_boot = strcmp(spawn->argv[1], "/boot") == 0;

	if (!machine_file_says(FSTAB, is_boot ? " /boot ext4" : " /boot/efi vfat"))
		return fail(-EIO, "fstab has no line for %s", spawn->argv[1]);
	if (is_boot)
		machine->is_boot_mounted = machine->has_remains = true;
	else
		machine->is_esp_mounted = true;
	return 0;
}

static int find_delete(const struct spawn *spawn)
{
	assert_string_equal(spawn->argv[1], FAKE_OLD_BOOT);
	assert_true(machine->is_bios_new && machine->is_efi_new);
	fake_files_drop("/boot/");
	return 0;
}

static int grub_mkconfig(const struct spawn *spawn)
{
	bool is_marked = machine_file_says(OUR_GRUB_DEFAULTS, "panocrypt.boot=");
	char config[512];

	snprintf(config, sizeof(config), "menuentry {\n\tlinux /vmlinuz root=%s%s\n}\n%s",
		 file_exists(OUR_GRUB_DEFAULTS) ? "UUID=" FAKE_FS_UUID
						: "PARTUUID=" FAKE_ROOT_PARTUUID,
		 is_marked ? " panocrypt.boot=" FAKE_BOOT_UUID : "",
		 file_exists(OUR_FALLBACK_SCRIPT) ? "menuentry 'fallback'\n" : "");
	return file_replace_text(spawn->argv[2], config, 0600);
}

static int systemctl(const struct spawn *spawn)
{
	if (has_argument(spawn, "disable"))
		machine->is_unit_enabled = false;
	return 0;
}

static int grub_install_files(const struct spawn *spawn UNUSED)
{
	return file_replace_text("/boot/grub/i386-pc/core.img", "core", 0600);
}

static const struct {
	const char *name;
	int (*run)(const struct spawn *spawn);
} programs[] = {
	{ "apt-get", apt_get },
	{ "dpkg", dpkg },
	{ "mkfs.ext4", mkfs },
	{ "cp", cp },
	{ "mount", mount_by_fstab },
	{ "find", find_delete },
	{ "grub-mkconfig", grub_mkconfig },
	{ "grub-install", grub_install_files },
	{ "systemctl", systemctl },
};

int spawn_run(const struct spawn *spawn)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (strcmp(programs[i].name, spawn->argv[0]) == 0)
			return programs[i].run(spawn);
	}
	fail_msg("this machine has no %s", spawn->argv[0]);
	return -ENOENT;
}

int spawn_text(const struct spawn *spawn, char **ret)
{
	const char *text = machine->has_packages ? "installed\ninstalled\ninstalled\ninstalled\n"
						   "installed\n"
						 : "unknown\n";

	if (strcmp(spawn->argv[0], "apt-get") == 0)
		text = machine->has_packages ? "" : "Inst clevis (18 Debian)\n";
	*ret = strdup(text);
	return 0;
}

/* --- boot images and the boot loader ---------------------------------------------------------- */

int machine_image_make(void)
{
	const char *state = machine_file_says(STATE_DIR "/boot.json", "\"" STATE_DIR "\"")
				    ? STATE_DIR
				    : "/panocrypt";
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s", file_exists(OUR_BOOT_HOOK) ? FAKE_IMAGE_STEP : "",
		 file_exists(OUR_BOOT_HOOK) ? state : "",
		 machine_file_says(CRYPTTAB, "noauto") ? " noauto" : "");
	return file_replace_text(machine_image_path(), text, 0600);
}

static int rebuild(void)
{
	int r = failing_here("regenerating the images");

	return r < 0 ? r : machine_image_make();
}

int initrd_find(enum initrd_kind kind UNUSED, const struct initrd **ret)
{
	static const struct initrd tools = { .rebuild = rebuild };

	*ret = &tools;
	return 0;
}

int initrd_check_all(const struct facts *facts UNUSED, const char *const *wanted UNUSED,
		     const char *const *unwanted)
{
	bool has_step = machine_file_says(machine_image_path(), FAKE_IMAGE_STEP);

	return has_step == !unwanted[0];
}

int initrd_rebuild_all(const struct facts *facts, const char *const *wanted,
		       const char *const *unwanted)
{
	int r = machine_image_make();

	if (r == 0)
		r = initrd_check_all(facts, wanted, unwanted);
	return r == 1 ? 0 : fail(-EIO, "an image isn't as wanted");
}

int grub_switch_bios(const char *disk UNUSED, uint64_t start UNUSED, uint64_t size UNUSED,
		     const char *folder UNUSED)
{
	assert_true(file_exists("/boot/grub/grub.cfg"));
	machine->is_bios_new = machine->is_boot_mounted;
	return 0;
}

int grub_switch_efi(const char *staged UNUSED, const char *esp UNUSED)
{
	assert_true(file_exists("/boot/grub/grub.cfg") && machine->is_esp_mounted);
	machine->is_efi_new = machine->is_boot_mounted;
	return 0;
}
