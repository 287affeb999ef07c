/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machines that the tests of the plan judge. Order and codes are those of the table of
 * refusals.
 */
#include "tests/unit/plan_machines.h"

#include "bootstrap/cipher.h"

#include <string.h>

void good_machine(struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->is_root = f->has_apt = f->has_grub = f->has_systemd = f->has_dm_crypt = true;
	f->has_aes_instructions = f->has_bios_boot = f->has_esp = f->is_net_dhcp4 = true;
	strcpy(f->os_id, "debian");
	strcpy(f->os_version, "12");
	strcpy(f->os_pretty, "Debian GNU/Linux 12 (bookworm)");
	strcpy(f->arch, "x86_64");
	strcpy(f->kernel, "6.1.0-1-cloud-amd64");
	strcpy(f->hostname, "web1");
	f->memory_bytes = 2 * GIB;
	f->root_kind = ROOT_PARTITION;
	strcpy(f->root_device, "/dev/vda1");
	strcpy(f->root_fstype, "ext4");
	f->root_bytes = 8 * GIB;
	f->fs_used_bytes = 1200 * MIB;
	f->fs_free_bytes = 6 * GIB;
	strcpy(f->disk, "/dev/vda");
	strcpy(f->table_type, "gpt");
	f->disk_bytes = 9 * GIB;
	f->boot_used_bytes = 90 * MIB;
	f->initrd = INITRD_INITRAMFS_TOOLS;
	strcpy(f->kernels[0], f->kernel);
	f->kernel_count = 1;
	strcpy(f->net_interface, "ens3");
	strcpy(f->net_address4, "10.0.2.15/24");
	strcpy(f->net_gateway4, "10.0.2.2");
}

void good_config(struct config *c)
{
	memset(c, 0, sizeof(*c));
	c->server = "https://unlock.example.com:8444";
	c->enrollment_key = "ABCD-EFGHJ-KMN";
	c->recovery_output = "/root/panocrypt-recovery-passphrase.txt";
	c->boot_bytes = 768 * MIB;
	c->coverage = "used";
	c->free_space = "zero";
	c->cipher = CIPHER_AUTO;
}

/* --- defects ------------------------------------------------------------------------------ */

#define DEFECT(name) static void name(struct facts *f UNUSED, struct config *c UNUSED)

DEFECT(in_container)
{
	strcpy(f->container, "lxc");
}
DEFECT(no_root_user)
{
	f->is_root = false;
}
DEFECT(running)
{
	f->is_running = true;
}
DEFECT(damaged_intent)
{
	f->is_intent_damaged = true;
}
DEFECT(converted)
{
	f->root_kind = ROOT_LUKS;
	f->was_converted = true;
}
DEFECT(luks)
{
	f->root_kind = ROOT_LUKS;
	strcpy(f->luks_device, "/dev/vda1");
}
DEFECT(lvm)
{
	f->root_kind = ROOT_LVM;
}
DEFECT(raid)
{
	f->root_kind = ROOT_RAID;
}
DEFECT(zfs)
{
	f->root_kind = ROOT_OTHER;
	strcpy(f->root_fstype, "zfs");
}
DEFECT(btrfs)
{
	strcpy(f->root_fstype, "btrfs");
}
DEFECT(no_partition)
{
	f->root_kind = ROOT_OTHER;
}
DEFECT(mbr)
{
	strcpy(f->table_type, "dos");
}
DEFECT(fs_errors)
{
	f->fs_has_errors = true;
}
DEFECT(full)
{
	f->fs_used_bytes = f->root_bytes - 300 * MIB;
}
DEFECT(spread)
{
	f->fs_unmoved_bytes = f->fs_least_bytes = f->root_bytes - MIB;
}
DEFECT(big_boot)
{
	f->boot_used_bytes = 400 * MIB;
}
DEFECT(small_memory)
{
	f->memory_bytes = 256 * MIB;
}
DEFECT(no_systemd)
{
	f->has_systemd = false;
}
DEFECT(no_grub)
{
	f->has_grub = false;
}
DEFECT(dracut)
{
	f->initrd = INITRD_DRACUT;
}
DEFECT(no_kernel)
{
	f->kernel_count = 0;
}
DEFECT(no_such_cipher)
{
	c->cipher = cipher_fallback()->text;
}
DEFECT(no_apt)
{
	f->has_apt = false;
}
DEFECT(no_dm_crypt)
{
	f->has_dm_crypt = false;
}
DEFECT(busy)
{
	f->is_package_manager_busy = true;
}
DEFECT(swap_partition)
{
	strcpy(f->swaps[f->swap_count++], "/dev/vda2");
}
DEFECT(no_network)
{
	f->net_interface[0] = '\0';
}
DEFECT(ubuntu)
{
	strcpy(f->os_id, "ubuntu");
}
DEFECT(no_server)
{
	c->server = NULL;
}
DEFECT(no_key)
{
	c->enrollment_key = NULL;
}

void data_disk(struct facts *f, struct config *c UNUSED)
{
	struct facts_mount *mount = &f->other_writable[f->other_writable_count++];

	strcpy(mount->source, "/dev/vdb1");
	strcpy(mount->target, "/srv");
	strcpy(mount->fstype, "ext4");
}

DEFECT(separate_boot)
{
	f->is_boot_separate = true;
	strcpy(f->boot_device, "/dev/vda2");
}

const struct defect defects[DEFECTS] = {
	/* In the order of the table of refusals. */
	{ "container", in_container },
	{ "not-root", no_root_user },
	{ "already-running", running },
	{ "damaged-state", damaged_intent },
	{ "already-converted", converted },
	{ "already-luks", luks },
	{ "lvm-root", lvm },
	{ "raid-root", raid },
	{ "zfs-root", zfs },
	{ "root-not-ext4", btrfs },
	{ "unsupported-root", no_partition },
	{ "not-gpt", mbr },
	{ "damaged-filesystem", fs_errors },
	{ "too-little-space", full },
	{ "tail-in-use", spread },
	{ "boot-too-small", big_boot },
	{ "too-little-ram", small_memory },
	{ "no-systemd", no_systemd },
	{ "no-linux-bootloader", no_grub },
	{ "no-initramfs-tools", dracut },
	{ "no-kernel", no_kernel },
	{ "no-apt", no_apt },
	{ "no-dm-crypt", no_dm_crypt },
	{ "no-such-cipher", no_such_cipher },
	{ "package-manager-busy", busy },
	{ "other-writable-filesystems", data_disk },
	{ "swap-on-plain-disk", swap_partition },
	{ "no-network-plan", no_network },
	{ "untested-platform", ubuntu },
	{ "untested-layout", separate_boot },
	{ "no-server", no_server },
	{ "no-enrollment-key", no_key },
};

void good(struct machine *m)
{
	good_machine(&m->facts);
	good_config(&m->config);
}

void plan_it(struct machine *m)
{
	plan_build(&m->facts, &m->config, &m->plan);
}

bool has(const struct plan *plan, const char *code)
{
	for (size_t i = 0; i < plan->refusal_count; i++) {
		if (strcmp(plan->refusals[i].code, code) == 0)
			return true;
	}
	return false;
}
