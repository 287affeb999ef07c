/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every reason not to convert a machine: one row each, one question each. Pure. A refusal names the
 * fact, why it matters and what to do; its code never changes its meaning.
 */
#include "bootstrap/plan_refusals.h"

#include "bootstrap/cipher.h"

#include "common/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FACT 256
/* A machine sold with 512 MiB shows about 460 MiB: the kernel keeps the rest. */
#define MEMORY_LEAST_BYTES (440 * MIB)
#define SPACE_MARGIN_BYTES (256 * MIB)
#define BOOT_MARGIN_BYTES (64 * MIB)

/* A fact too long for its place is cut: the code says enough. */
static PRINTF_LIKE(2, 3) void say(char fact[static FACT], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fact, FACT, format, args);
	va_end(args);
}

#define CHECK(name)                                                                                \
	static bool name(const struct facts *f UNUSED, const struct config *c UNUSED,              \
			 char fact[static FACT] UNUSED)

CHECK(in_container)
{
	say(fact, "this is a container (%s)", f->container);
	return f->container[0];
}

CHECK(not_root)
{
	say(fact, "this user is not root");
	return !f->is_root;
}

CHECK(already_running)
{
	say(fact, "another panocrypt-bootstrap is at work on this machine");
	return f->is_running;
}

CHECK(damaged_state)
{
	say(fact, "the intent file of an earlier start is damaged");
	return f->is_intent_damaged;
}

CHECK(already_converted)
{
	say(fact, "the root is on LUKS (%s) and Clevis opens it through a server", f->luks_device);
	return f->root_kind == ROOT_LUKS && f->was_converted;
}

CHECK(already_luks)
{
	say(fact, "the root is on LUKS already (%s)", f->luks_device);
	return f->root_kind == ROOT_LUKS && !f->was_converted;
}

CHECK(lvm_root)
{
	say(fact, "the root %s is a logical volume", f->root_device);
	return f->root_kind == ROOT_LVM;
}

CHECK(raid_root)
{
	say(fact, "the root %s is a RAID array", f->root_device);
	return f->root_kind == ROOT_RAID;
}

CHECK(zfs_root)
{
	say(fact, "the root is a ZFS dataset");
	return strcmp(f->root_fstype, "zfs") == 0;
}

CHECK(root_not_ext4)
{
	say(fact, "the root filesystem is %s",
	    f->root_fstype[0] ? f->root_fstype : "of unknown type");
	return strcmp(f->root_fstype, "ext4") != 0 && !zfs_root(f, c, (char[FACT]){ "" });
}

CHECK(unsupported_root)
{
	say(fact, "the root %s is not a partition of a disk",
	    f->root_device[0] ? f->root_device : "has no block device and");
	return f->root_kind == ROOT_OTHER && strcmp(f->root_fstype, "ext4") == 0;
}

CHECK(not_gpt)
{
	say(fact, "the partition table of %s is %s", f->disk,
	    f->table_type[0] ? f->table_type : "not readable");
	return f->root_kind == ROOT_PARTITION && strcmp(f->table_type, "gpt") != 0;
}

CHECK(damaged_filesystem)
{
	say(fact, "the kernel has recorded errors in the root filesystem");
	return f->fs_has_errors;
}

uint64_t plan_needed_bytes(const struct facts *facts, const struct config *config)
{
	uint64_t boot_bytes = facts->is_boot_separate ? 0 : config->boot_bytes;

	/* A twentieth on top: ext4's own tables. The margin: packages, images, a machine in use. */
	return boot_bytes + 2 * PLAN_SHIFT_BYTES + facts->fs_used_bytes +
	       facts->fs_used_bytes / 20 + SPACE_MARGIN_BYTES;
}

CHECK(too_little_space)
{
	char has[24], needs[24], used[24];

	say(fact, "the root partition has %s; %s are needed (%s are in use)",
	    text_bytes(has, f->root_bytes), text_bytes(needs, plan_needed_bytes(f, c)),
	    text_bytes(used, f->fs_used_bytes));
	return f->root_bytes < plan_needed_bytes(f, c);
}

CHECK(tail_in_use)
{
	uint64_t taken_bytes = (f->is_boot_separate ? 0 : c->boot_bytes) + 2 * PLAN_SHIFT_BYTES;
	char at[24], room[24], root[24];

	say(fact,
	    "more than a few files lie up to %s of the root partition's %s, and its last %s are "
	    "needed",
	    text_bytes(at, f->fs_least_bytes), text_bytes(root, f->root_bytes),
	    text_bytes(room, taken_bytes));
	/* A full filesystem reaches its end: one reason, and what helps is room, not copying. */
	return f->fs_least_bytes > 0 && f->fs_least_bytes + taken_bytes > f->root_bytes &&
	       !too_little_space(f, c, (char[FACT]){ "" });
}

CHECK(boot_too_small)
{
	uint64_t needed = 2 * f->boot_used_bytes + 2 * PLAN_SHIFT_BYTES + BOOT_MARGIN_BYTES;
	char has[24], needs[24];

	say(fact, "the new /boot would have %s; %s are needed", text_bytes(has, c->boot_bytes),
	    text_bytes(needs, needed));
	return !f->is_boot_separate && c->boot_bytes < needed;
}

CHECK(too_little_ram)
{
	char has[24];

	say(fact, "the machine has %s of memory", text_bytes(has, f->memory_bytes));
	return f->memory_bytes < MEMORY_LEAST_BYTES;
}

CHECK(no_systemd)
{
	say(fact, "systemd does not run this machine");
	return !f->has_systemd;
}

CHECK(no_bootloader)
{
	say(fact, "GRUB's tools or /boot/grub/grub.cfg are missing");
	return !f->has_grub;
}

CHECK(no_initramfs_tools)
{
	say(fact, "%s",
	    f->initrd == INITRD_DRACUT ? "the initramfs is made by dracut"
				       : "no initramfs generator was found");
	return f->initrd != INITRD_INITRAMFS_TOOLS;
}

CHECK(no_kernel)
{
	say(fact, "there is no kernel in /boot");
	return f->kernel_count == 0;
}

CHECK(no_apt)
{
	say(fact, "there is no apt-get");
	return !f->has_apt;
}

CHECK(no_dm_crypt)
{
	say(fact, "a kernel of this machine has no dm-crypt");
	return !f->has_dm_crypt;
}

CHECK(package_manager_busy)
{
	say(fact, "another program holds the package manager's lock");
	return f->is_package_manager_busy;
}

static bool stays_plain(const struct config *c, const char *target)
{
	size_t i;

	for (i = 0; i < c->leave_plain.count; i++) {
		if (strcmp(c->leave_plain.items[i], target) == 0)
			return true;
	}
	return false;
}

CHECK(other_writable)
{
	size_t i, count = 0, len;

	say(fact, "other local filesystems are writable:");
	for (i = 0; i < f->other_writable_count; i++) {
		if (stays_plain(c, f->other_writable[i].target))
			continue;
		count++;
		len = strlen(fact);
		snprintf(fact + len, FACT - len, " %.200s", f->other_writable[i].target);
	}
	return count > 0;
}

/* A swap file inside the root is encrypted with it; memory isn't a disk. */
static bool is_plain_swap(const struct facts *f, const char *swap)
{
	size_t i, len;

	if (strncmp(swap, "/dev/", 5) == 0)
		return strncmp(swap, "/dev/zram", 9) != 0;
	for (i = 0; i < f->other_writable_count; i++) {
		len = strlen(f->other_writable[i].target);
		if (strncmp(swap, f->other_writable[i].target, len) == 0 && swap[len] == '/')
			return true;
	}
	return false;
}

CHECK(swap_on_plain_disk)
{
	size_t i;

	for (i = 0; i < f->swap_count; i++) {
		if (is_plain_swap(f, f->swaps[i])) {
			say(fact, "%.200s is swap on a disk that stays plain", f->swaps[i]);
			return true;
		}
	}
	return false;
}

CHECK(no_network_plan)
{
	if (!f->net_interface[0] || (!f->net_address4[0] && !f->net_address6[0]))
		say(fact, "no interface with an address and a default route was found");
	else if (!f->net_address4[0])
		say(fact, "%s has an IPv6 address only", f->net_interface);
	else
		return false;
	return true;
}

CHECK(untested_platform)
{
	say(fact, "this is %s %s on %s", f->os_id[0] ? f->os_id : "an unknown system",
	    f->os_version, f->arch);
	return strcmp(f->os_id, "debian") != 0 || strcmp(f->os_version, "12") != 0 ||
	       strcmp(f->arch, "x86_64") != 0;
}

CHECK(untested_layout)
{
	say(fact, "/boot is a partition of its own already (%s)", f->boot_device);
	return f->is_boot_separate;
}

CHECK(no_server)
{
	say(fact, "no server was named");
	return !c->server;
}

CHECK(no_enrollment_key)
{
	say(fact, "no enrollment key was given");
	return !c->enrollment_key;
}

CHECK(no_such_cipher)
{
	say(fact, "%s is not in each kernel and its initramfs (MODULES=%s)",
	    cipher_fallback()->text, f->initramfs_modules);
	return strcmp(c->cipher, cipher_fallback()->text) == 0 && !f->has_fallback_cipher;
}

#define BIND                                                                                       \
	"make a device on the server (panocryptctl device add) and run the command it "            \
	"prints, "                                                                                 \
	"clevis luks bind -d DEVICE tang '{\"url\":\"https://SERVER/d/ID\",\"thp\":\"…\"}'"
#define LATER                                                                                      \
	"encrypt this machine when it is installed; in-place conversion of it is not built yet"

const struct plan_check plan_checks[] = {
	/* clang-format off */
	{ .code = "container", .applies = in_container, .is_last = true, .is_for_ever = true,
	  .why = "a container has no disk and no boot of its own",
	  .todo = "run this on the machine that runs the container" },
	{ .code = "not-root", .applies = not_root, .is_last = true, .is_for_ever = true,
	  .why = "only root can read the disk, so nothing more can be said about it",
	  .todo = "run it again with sudo" },
	{ .code = "already-running", .applies = already_running, .is_last = true,
	  .is_for_ever = true, .why = "two at once would change the same disk",
	  .todo = "look at it with: panocrypt-bootstrap status" },
	{ .code = "damaged-state", .applies = damaged_state, .is_last = true, .is_for_ever = true,
	  .why = "it says what an earlier start wanted, and guessing could harm the disk",
	  .todo = "put everything back with undo; or, once the disk is being encrypted, keep the "
		  "machine running and copy intent.copy.json over intent.json beside it, in "
		  "/var/lib/panocrypt and in /boot/panocrypt" },
	{ .code = "already-converted", .applies = already_converted, .is_last = true,
	  .why = "there is nothing left to do",
	  .todo = "nothing; manage it on the server" },
	{ .code = "already-luks", .applies = already_luks, .is_last = true,
	  .why = "it needs no conversion, only a binding to the server", .todo = BIND },
	{ .code = "lvm-root", .applies = lvm_root, .todo = LATER,
	  .why = "the space for the header would have to come from the volume group" },
	{ .code = "raid-root", .applies = raid_root, .todo = LATER,
	  .why = "the array's members would have to be handled together" },
	{ .code = "zfs-root", .applies = zfs_root, .todo = "use ZFS's own encryption",
	  .why = "ZFS can't be shrunk" },
	{ .code = "root-not-ext4", .applies = root_not_ext4, .todo = LATER,
	  .why = "only ext4 can be shrunk by this version" },
	{ .code = "unsupported-root", .applies = unsupported_root, .todo = LATER,
	  .why = "the conversion changes the partition that holds the root" },
	{ .code = "not-gpt", .applies = not_gpt, .todo = LATER,
	  .why = "the new /boot is made in a GPT, whose second copy makes the change safe" },
	{ .code = "damaged-filesystem", .applies = damaged_filesystem,
	  .why = "shrinking a damaged filesystem can lose files",
	  .todo = "make a backup, have it checked at boot (kernel parameter fsck.mode=force), and "
		  "run again" },
	{ .code = "too-little-space", .applies = too_little_space,
	  .why = "room is made for a /boot partition, the header and the first moved block",
	  .todo = "remove files, enlarge the disk, or choose a smaller --boot-size" },
	{ .code = "tail-in-use", .applies = tail_in_use,
	  .why = "room is made there by moving 2 MiB at most: a redo log has to hold all of it",
	  .todo = "enlarge the disk; or copy the files that lie there, and delete the first copies "
		  "(filefrag -v FILE tells where one lies)" },
	{ .code = "boot-too-small", .applies = boot_too_small,
	  .why = "it holds every kernel, a new image of each beside the old, and the header copies",
	  .todo = "choose a larger --boot-size, or remove old kernels" },
	{ .code = "too-little-ram", .applies = too_little_ram,
	  .why = "the initramfs and the key derivation need 512 MiB",
	  .todo = "give the machine more memory, at least for the conversion" },
	{ .code = "no-systemd", .applies = no_systemd, .todo = LATER,
	  .why = "a systemd unit goes on with the conversion after each reboot" },
	{ .code = "no-linux-bootloader", .applies = no_bootloader,
	  .why = "the machine must find its kernel on the new /boot",
	  .todo = "install GRUB with the distribution's own packages" },
	{ .code = "no-initramfs-tools", .applies = no_initramfs_tools, .todo = LATER,
	  .why = "the first step of the encryption runs in the initramfs, and only "
		 "initramfs-tools is known to this version" },
	{ .code = "no-kernel", .applies = no_kernel,
	  .why = "the machine is started by something else than its own disk",
	  .todo = "install a kernel package and boot from it" },
	{ .code = "no-apt", .applies = no_apt, .todo = LATER,
	  .why = "cryptsetup and Clevis come from the distribution" },
	{ .code = "no-dm-crypt", .applies = no_dm_crypt,
	  .why = "an encrypted disk couldn't be opened with it",
	  .todo = "install the distribution's standard kernel and remove the others" },
	{ .code = "no-such-cipher", .applies = no_such_cipher,
	  .why = "the disk couldn't be opened at boot",
	  .todo = "leave --cipher out, or set MODULES=most in "
		  "/etc/initramfs-tools/initramfs.conf" },
	{ .code = "package-manager-busy", .applies = package_manager_busy,
	  .why = "packages are installed, and images rebuilt, by it",
	  .todo = "wait until it has finished (ps -C apt-get,dpkg,unattended-upgr), "
		  "then run again" },
	{ .code = "other-writable-filesystems", .applies = other_writable,
	  .why = "what is written there would stay unencrypted",
	  .todo = "name each with --leave-plain MOUNTPOINT if it may stay plain, or unmount it" },
	{ .code = "swap-on-plain-disk", .applies = swap_on_plain_disk,
	  .why = "memory, with keys in it, would be written there unencrypted",
	  .todo = "turn it off with swapoff and remove its line from /etc/fstab; use a swap file "
		  "on the root instead" },
	{ .code = "no-network-plan", .applies = no_network_plan,
	  .why = "the machine must reach the server over IPv4 before its disk is open",
	  .todo = "give it an IPv4 address and a default route" },
	{ .code = "untested-platform", .applies = untested_platform, .is_overridable = true,
	  .why = "this version was tested on Debian 12 on x86_64 only",
	  .todo = "try it on a copy of the machine with --force-platform" },
	{ .code = "untested-layout", .applies = untested_layout, .is_overridable = true,
	  .why = "this version was tested with /boot inside the root only",
	  .todo = "try it on a copy of the machine with --force-platform" },
	{ .code = "no-server", .applies = no_server, .why = "the machine must be enrolled with one",
	  .todo = "name it: --server https://name:port or PANOCRYPT_SERVER" },
	{ .code = "no-enrollment-key", .applies = no_enrollment_key,
	  .why = "the server enrolls only who has one",
	  .todo = "make one (panocryptctl enrollment-key create) and set "
		  "PANOCRYPT_ENROLLMENT_KEY" },
	/* clang-format on */
};
const size_t plan_check_count = ARRAY_SIZE(plan_checks);
