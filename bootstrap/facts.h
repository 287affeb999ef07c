/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine is: read through the gateways, written nowhere. Everything `plan` decides on
 * stands here, so a test can make any machine by filling the struct.
 */
#pragma once

#include "common/base.h"
#include "common/json.h"

#define FACTS_LIST_MAX 32
#define FACTS_PATH_MAX 256
#define UUID_TEXT_MAX 64

enum initrd_kind { INITRD_NONE, INITRD_INITRAMFS_TOOLS, INITRD_DRACUT };
enum root_kind { ROOT_PARTITION, ROOT_LUKS, ROOT_LVM, ROOT_RAID, ROOT_OTHER };

struct facts_mount {
	char source[FACTS_PATH_MAX], target[FACTS_PATH_MAX], fstype[32];
};

struct facts {
	/* who we are */
	bool is_root;
	char container[32]; /* "" outside of one; else its kind */
	char os_id[32], os_version[32], os_pretty[96], arch[16], kernel[80], hostname[256];
	bool is_efi_booted, is_secure_boot;
	uint64_t memory_bytes;
	char product_uuid[UUID_TEXT_MAX]; /* firmware's word for the machine; "" if none */

	/* the root filesystem and its device */
	enum root_kind root_kind;
	char root_device[FACTS_PATH_MAX]; /* /dev/vda1; of the mapping when ROOT_LUKS */
	char root_fstype[32], root_options[FACTS_PATH_MAX];
	char fs_uuid[37], root_partuuid[37];
	uint64_t root_bytes; /* of the device */
	uint64_t fs_used_bytes, fs_free_bytes;
	uint64_t fs_unmoved_bytes; /* up to where files lie; 0: not looked at, or not known */
	uint64_t fs_least_bytes;   /* the same but for a few blocks, which are moved */
	bool fs_has_errors;	   /* superblock's error flag */
	char luks_uuid[37];	   /* ROOT_LUKS only */
	char luks_device[FACTS_PATH_MAX];

	/* the disk under it */
	char disk[FACTS_PATH_MAX];	  /* /dev/vda */
	char disk_id[37], table_type[16]; /* "gpt", "dos" */
	unsigned root_number;		  /* partition number */
	uint64_t root_start_bytes, disk_bytes, sector_bytes;
	bool has_bios_boot, has_esp;
	char esp_mount[FACTS_PATH_MAX];

	/* /boot */
	bool is_boot_separate;
	char boot_device[FACTS_PATH_MAX], boot_fstype[32], boot_uuid[37], boot_partuuid[37];
	uint64_t boot_used_bytes; /* of the /boot tree, wherever it is */

	/* what else is written to */
	struct facts_mount
		other_writable[FACTS_LIST_MAX]; /* local, not root, /boot, ESP or memory */
	size_t other_writable_count;
	char swaps[FACTS_LIST_MAX][FACTS_PATH_MAX];
	size_t swap_count;

	/* tools */
	enum initrd_kind initrd;
	bool has_apt, is_package_manager_busy, has_grub, has_systemd, has_dm_crypt,
		has_aes_instructions;
	char initramfs_modules[16]; /* "most", "dep", …: which ones go into an image */
	bool has_fallback_cipher;   /* in each kernel, and its image holds all ciphers */
	uint64_t default_cipher_rate, fallback_cipher_rate; /* bytes a second; 0: not measured */
	char kernels[FACTS_LIST_MAX][80];		    /* versions with a vmlinuz in /boot */
	size_t kernel_count;

	/* how it is connected */
	char net_interface[32], net_mac[18], net_address4[64], net_gateway4[64], net_address6[64],
		net_gateway6[64];
	bool is_net_dhcp4;
	char dns[FACTS_LIST_MAX][64];
	size_t dns_count;

	/* what we did so far */
	bool has_intent; /* a readable intent file */
	bool is_intent_damaged;
	bool is_running;    /* another panocrypt-bootstrap holds the lock */
	bool was_converted; /* the root is LUKS and its token is of the clevis tang pin */
};

/* Looks. Negative only when looking itself is impossible (not even /proc); whatever is missing is
 * left zero. */
int facts_collect(struct facts *ret, const char *state_dir) MUST_CHECK;

/* For `plan --json` and evidence; the caller owns it. */
int facts_to_json(const struct facts *facts, json_t **ret) MUST_CHECK;
