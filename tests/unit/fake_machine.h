/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole machine below the gateways, in one struct: what a conversion finds, changes and must
 * leave. It boots, too: through whichever GRUB the disk names, with whichever image that finds. A
 * state in which it wouldn't boot ends the test.
 */
#pragma once

#include "bootstrap/phase.h"
#include "tests/unit/fake_files.h"

#define FAKE_FS_UUID "11111111-2222-4333-8444-555555555555"
#define FAKE_LUKS_UUID "5a1e7c0d-0000-4000-8000-00000000c0de"
#define FAKE_BOOT_UUID "66666666-7777-4888-8999-aaaaaaaaaaaa"
#define FAKE_ROOT_PARTUUID "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff"
#define FAKE_BOOT_PARTUUID "dddddddd-0000-4000-8000-000000000000"
#define FAKE_ROOT "/dev/vda1"
#define FAKE_BOOT "/dev/vda2"
#define FAKE_MAPPING "/dev/mapper/" MAPPING_NAME
#define FAKE_OLD_BOOT RUN_DIR "/root/boot" /* root:/boot under the new one, while it is mounted */
#define FAKE_IMAGE_STEP "the boot step, its state in " /* in an image, followed by the folder */

/* A LUKS2 header: content of a header copy, and what stands on the disk. */
struct fake_luks {
	bool is_luks, is_reencrypting, is_unwiped, has_clevis, has_recovery;
	bool has_next, is_rotating, is_rotated, has_old_slots;
	char uuid[UUID_SIZE];
};

struct machine {
	struct fake_files files; /* those of the separate /boot begin with "@" */
	struct fake_luks disk;
	bool has_packages, has_boot_partition, is_boot_made;
	bool is_boot_mounted, is_esp_mounted;
	bool is_bios_new, is_efi_new; /* the boot loader starts from the new partition */
	bool is_unit_enabled, has_key, has_remains, is_tail_wiped;
	bool is_mark_booted; /* this boot came through the new grub.cfg */
	uint64_t fs_bytes, mapping_bytes;
	unsigned boots;
};

extern struct machine *machine; /* in memory that forked processes share */

/* Whenever a phase begins; NULL: nothing. */
extern void (*machine_at_phase)(const char *phase);

/* A stock machine, with the intent of a plan. */
void machine_make(void);

/* The job as a start of the program opens it (job.c). *job and *facts are the caller's. */
int machine_open(struct job *job, struct facts *facts, const struct config *config);

/* Power on. false: with a sentence, when it doesn't come up. */
bool machine_boot(void);

/* Of the running kernel; made from what is on the machine. */
const char *machine_image_path(void);
int machine_image_make(void);
bool machine_file_says(const char *path, const char *text);

/* Partition, plain: of root. */
uint64_t machine_root_bytes(void);

/* What of the machine (but for files below `except`) isn't as in `other`; NULL: nothing. */
const char *machine_differs(struct machine *other, const char *const *except);
