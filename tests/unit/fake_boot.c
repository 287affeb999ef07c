/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fake_machine.h: what a boot does, and a start of the program.
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/etc_files.h"
#include "bootstrap/grub.h"
#include "bootstrap/install.h"
#include "bootstrap/spawn.h"
#include "common/file.h"

#include "tests/unit/fake_machine.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define ROOT_BYTES (4096 * MIB + 512) /* no multiple of a sector of 4096 bytes */
#define CARVED_BYTES (3328 * MIB)
#define SHIFT (16 * MIB)
#define PAYLOAD (1024 * MIB)
#define NEW_BOOT RUN_DIR "/newboot"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct machine *machine;

/* --- paths ------------------------------------------------------------------------------------ */

static void resolve(const char *path, char ret[static FAKE_PATH_MAX])
{
	const char *new = machine->is_boot_mounted ? "@" : "";

	if (strncmp(path, NEW_BOOT, strlen(NEW_BOOT)) == 0)
		snprintf(ret, FAKE_PATH_MAX, "@/boot%s", path + strlen(NEW_BOOT));
	else if (strncmp(path, FAKE_OLD_BOOT, strlen(FAKE_OLD_BOOT)) == 0)
		snprintf(ret, FAKE_PATH_MAX, "/boot%s", path + strlen(FAKE_OLD_BOOT));
	else
		snprintf(ret, FAKE_PATH_MAX, "%s%s", strncmp(path, "/boot", 5) == 0 ? new : "",
			 path);
}

/* --- booting ---------------------------------------------------------------------------------- */

uint64_t machine_root_bytes(void)
{
	return machine->has_boot_partition ? CARVED_BYTES : ROOT_BYTES;
}

static void put_text(const char *path, const char *text)
{
	assert_ok(file_replace_text(path, text, 0600));
}

static void say_result(const char *action, const char *phase, bool is_ok, const char *reason)
{
	struct boot_result result = { .is_ok = is_ok, .exists = true };

	snprintf(result.action, sizeof(result.action), "%s", action);
	snprintf(result.phase, sizeof(result.phase), "%s", phase);
	snprintf(result.reason, sizeof(result.reason), "%s", reason);
	assert_ok(boot_result_write(&result));
}

static bool has_state(const char *folder, struct intent *ret)
{
	char header[FAKE_PATH_MAX];

	snprintf(header, sizeof(header), "%s/" HEADER_FILE, folder);
	return intent_read(folder, ret) == 0 && file_exists(header);
}

/* Stage 1: boot_decide()'s rows for a plain root without a separate /boot. */
static void step_one(void)
{
	struct intent intent;

	if (machine->disk.is_luks || !has_state(STATE_DIR, &intent)) {
		say_result("nothing", "look", false, "nothing that can be done");
	} else if (intent.undo) {
		say_result("nothing", "look", true, "the conversion is being undone");
	} else if (machine->has_boot_partition) {
		say_result("nothing", "look", true, "the running system goes on");
	} else {
		machine->fs_bytes = CARVED_BYTES - 2 * SHIFT;
		machine->has_boot_partition = true;
		say_result("carve", "carve", true, "carved");
	}
}

/* Stage 2: the state is on the new /boot. */
static void step_two(void)
{
	struct intent intent;
	struct fake_file *header = fake_file_at(&machine->files,
						"@" BOOT_STATE_DIR "/" HEADER_FILE);

	if (machine->disk.is_luks) {
		machine->has_key = true;
		say_result("unlock", "open", true, "the header is in place");
	} else if (!has_state(BOOT_STATE_DIR, &intent) || !header || !machine->is_mark_booted) {
		say_result("nothing", "look", false, "nothing that can be done");
	} else if (intent.undo) {
		say_result("nothing", "look", true, "the conversion is being undone");
	} else {
		intent.payload_bytes = machine->fs_bytes = PAYLOAD;
		intent.root_bytes = machine_root_bytes();
		assert_ok(intent_write(BOOT_STATE_DIR, &intent));
		memcpy(&machine->disk, header->data, sizeof(machine->disk));
		machine->disk.is_reencrypting = true;
		put_text(BOOT_STATE_DIR "/" MARKER_FILE, "");
		say_result("convert", "open", true, "converted");
	}
}

/* What GRUB and the kernel need, by the stored paths; the same for either boot loader. */
static bool load_kernel(bool is_new, bool *ret_is_marked)
{
	char image[2 * FAKE_PATH_MAX];
	const char *prefix = is_new ? "@" : "";
	const struct fake_file *config, *initrd;

	snprintf(image, sizeof(image), "%s/boot/grub/grub.cfg", prefix);
	config = fake_file_at(&machine->files, image);
	snprintf(image, sizeof(image), "%s%s", prefix, machine_image_path());
	initrd = fake_file_at(&machine->files, image);
	if (is_new && !machine->has_boot_partition)
		return fail(0, "the boot loader starts from a partition that isn't there");
	if (!config || !initrd)
		return fail(0, "the boot loader finds no %s", config ? "image" : "grub.cfg");
	if (machine->disk.is_luks && !strstr(config->data, "root=UUID="))
		return fail(0, "the kernel is told another root than the encrypted one");
	if (machine->disk.is_luks && !strstr(initrd->data, FAKE_IMAGE_STEP) &&
	    strstr(initrd->data, "noauto"))
		return fail(0, "nothing in the image opens the root");
	*ret_is_marked = strstr(config->data, "panocrypt.boot=") != NULL;
	put_text("/proc/cmdline", *ret_is_marked ? "BOOT_IMAGE=/vmlinuz root=UUID=" FAKE_FS_UUID
						   " panocrypt.boot=" FAKE_BOOT_UUID "\n"
						 : "BOOT_IMAGE=/vmlinuz quiet\n");
	put_text("/image", initrd->data);
	return true;
}

bool machine_boot(void)
{
	bool is_marked = false;
	char id[48];

	machine->boots++;
	machine->is_boot_mounted = machine->is_esp_mounted = machine->has_key = false;
	fake_files_drop(RUN_DIR "/");
	snprintf(id, sizeof(id), "%08u-0000-4000-8000-000000000000\n", machine->boots);
	put_text(BOOT_ID, id);
	if (!load_kernel(machine->is_efi_new, &is_marked) ||
	    !load_kernel(machine->is_bios_new, &is_marked))
		return false;
	machine->is_mark_booted = is_marked;
	if (machine_file_says(FSTAB, " /boot ext4")) {
		if (!machine->is_boot_made)
			return fail(0, "fstab wants a /boot that isn't there");
		machine->is_boot_mounted = true;
	}
	machine->is_esp_mounted = true;
	if (machine_file_says("/image", FAKE_IMAGE_STEP STATE_DIR))
		step_one();
	else if (machine_file_says("/image", FAKE_IMAGE_STEP))
		step_two();
	fake_files_drop("/image");
	if (machine->disk.is_luks)
		machine->mapping_bytes = machine->disk.is_reencrypting && !machine->disk.is_rotating
						 ? PAYLOAD
						 : machine_root_bytes() - SHIFT;
	return true;
}

/* --- a start of the program ------------------------------------------------------------------- */

static void collect(struct facts *facts)
{
	struct utsname kernel;

	uname(&kernel);
	*facts = (struct facts){ .memory_bytes = 512 * MIB,
				 .has_bios_boot = true,
				 .has_esp = true,
				 .initrd = INITRD_INITRAMFS_TOOLS,
				 .kernel_count = 1,
				 .root_number = 1,
				 .root_bytes = machine_root_bytes(),
				 .is_boot_separate = machine->is_boot_mounted };
	facts->root_kind = machine->disk.is_luks ? ROOT_LUKS : ROOT_PARTITION;
	strcpy(facts->luks_uuid, machine->disk.uuid);
	strcpy(facts->root_fstype, "ext4");
	strcpy(facts->root_device, machine->disk.is_luks ? "/dev/mapper/" MAPPING_NAME : FAKE_ROOT);
	strcpy(facts->disk, "/dev/vda");
	strcpy(facts->esp_mount, machine->is_esp_mounted ? "/boot/efi" : "");
	strcpy(facts->boot_uuid, machine->is_boot_mounted ? FAKE_BOOT_UUID : FAKE_FS_UUID);
	snprintf(facts->kernels[0], sizeof(facts->kernels[0]), "%s", kernel.release);
}

int machine_open(struct job *job, struct facts *facts, const struct config *config)
{
	struct intent boot;
	int r;

	collect(facts);
	*job = (struct job){ .config = config, .facts = facts, .state_dir = STATE_DIR, .boot = 1 };
	r = intent_read(STATE_DIR, &job->intent);
	if (r < 0)
		return fail_at(r, "the intent");
	r = intent_read(BOOT_STATE_DIR, &boot);
	if (r == 0) {
		job->intent.payload_bytes = boot.payload_bytes;
		job->intent.root_bytes = boot.root_bytes;
		job->intent.undo = job->intent.undo || boot.undo;
	}
	return r == -ENOENT ? 0 : r < 0 ? fail_at(r, "the intent on /boot") : 0;
}

void machine_make(void)
{
	static const struct intent intent = {
		.server = "https://unlock.example.com:8444",
		.luks_uuid = FAKE_LUKS_UUID,
		.fs_uuid = FAKE_FS_UUID,
		.root_partuuid = FAKE_ROOT_PARTUUID,
		.boot_uuid = FAKE_BOOT_UUID,
		.boot_partuuid = FAKE_BOOT_PARTUUID,
		.disk_id = "eeeeeeee-0000-4000-8000-000000000000",
		.boot_bytes = 768 * MIB,
		.shift_bytes = SHIFT,
		.recovery = "generated",
		.recovery_output = "/root/recovery",
		.free_space = "zero",
		.coverage = "used",
		.cipher = "aes-xts-plain64",
		.rotate_after = true,
		.final_reboot = true,
	};

	machine = mmap(NULL, sizeof(*machine), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	assert_ptr_not_equal(machine, MAP_FAILED);
	fake_files = &machine->files;
	fake_files->resolve = resolve;
	machine->fs_bytes = ROOT_BYTES;
	machine->is_unit_enabled = true;
	put_text(FSTAB, "PARTUUID=" FAKE_ROOT_PARTUUID " / ext4 rw,x-systemd.growfs 0 1\n"
			"UUID=2 /boot/efi vfat umask=077 0 1\n");
	put_text("/etc/initramfs-tools/conf.d/driver-policy", "MODULES=most\n");
	put_text("/etc/cloud/cloud.cfg.d/05_logging.cfg", "\n");
	put_text("/etc/machine-id", "00000000000000000000000000000001\n");
	put_text(CRYPTTAB, "# <target name> <source device> <key file> <options>\n");
	put_text("/ca.pem", "a certificate\n");
	put_text("/boot/grub/i386-pc/core.img", "core");
	put_text("/usr/lib/grub/i386-pc/boot.img", "");
	put_text("/usr/lib/grub/x86_64-efi/kernel.img", "");
	put_text(INSTALL_PROGRAM, "the program");
	put_text(INSTALL_UNIT_PATH, "the unit");
	assert_ok(spawn_run(&(struct spawn){ .argv = { "grub-mkconfig", "-o", GRUB_CFG } }));
	assert_ok(machine_image_make());
	assert_ok(intent_write(STATE_DIR, &intent));
	assert_true(machine_boot());
}

const char *machine_differs(struct machine *other, const char *const *except)
{
	const struct {
		const char *name;
		uint64_t is, was;
	} fields[] = {
		{ "the disk's LUKS header",
		  memcmp(&machine->disk, &other->disk, sizeof(other->disk)), 0 },
		{ "the packages", machine->has_packages, other->has_packages },
		{ "the partition for /boot", machine->has_boot_partition,
		  other->has_boot_partition },
		{ "/boot's mount", machine->is_boot_mounted, other->is_boot_mounted },
		{ "the ESP's mount", machine->is_esp_mounted, other->is_esp_mounted },
		{ "the boot loader by BIOS", machine->is_bios_new, other->is_bios_new },
		{ "the boot loader by EFI", machine->is_efi_new, other->is_efi_new },
		{ "the unit", machine->is_unit_enabled, other->is_unit_enabled },
		{ "the tail", machine->is_tail_wiped, other->is_tail_wiped },
		{ "the key in the keyring", machine->has_key, other->has_key },
		{ "freed blocks of /boot", machine->has_remains, other->has_remains },
		{ "the filesystem's size", machine->fs_bytes, other->fs_bytes },
		{ "the mapping's size", machine->mapping_bytes, other->mapping_bytes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].is != fields[i].was)
			return fields[i].name;
	}
	return fake_files_differ(&machine->files, &other->files, except);
}
