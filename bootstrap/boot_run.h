/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run of the boot step: what it found and where. Shared by boot_look.c (reads), boot_act.c and
 * boot_unlock.c (change); nobody else includes this but verb_boot.c and tests.
 */
#pragma once

#include "bootstrap/boot_step.h"
#include "bootstrap/luks.h"
#include "bootstrap/redo.h"

#define BOOT_CONFIG "/etc/panocrypt/boot.json" /* in the image */
#define TABLE_COPY "/etc/panocrypt/table.json" /* too: the partition table from before */
#define BOOT_PATH_MAX 256

struct boot_run {
	char state_uuid[UUID_SIZE], state_path[BOOT_PATH_MAX]; /* of BOOT_CONFIG */
	/* of BOOT_CONFIG, too: the filesystem to be encrypted, its partition, that of the new /boot
	 */
	char fs_uuid[UUID_SIZE], root_partuuid[UUID_SIZE], boot_partuuid[UUID_SIZE];
	char state_device[BOOT_PATH_MAX], state_type[32]; /* "" when it wasn't found */
	char state_dir[BOOT_PATH_MAX];	 /* the state folder, while it is mounted */
	char header[BOOT_PATH_MAX + 32]; /* the header copy: in RAM, or in the state folder */
	char root_device[BOOT_PATH_MAX]; /* "" when it wasn't found */
	char disk[BOOT_PATH_MAX];	 /* which that is on */
	char root_type[32];		 /* "ext4", …, as blkid says it */
	struct redo redo;
	bool is_redo_unread; /* the places where one could be can't be read */
	bool is_mounted;
	bool is_table_torn; /* one copy of the disk's GPT is damaged */
	struct intent intent;
	struct boot_facts facts;
};

/* Reads BOOT_CONFIG. Where a redo log waits to be done, or could and can't be read, that is all.
 * Else mounts the state filesystem read-only, fills the facts. In stage 1 header and intent are in
 * RAM and the root filesystem is unmounted when it returns; in stage 2 /boot stays mounted. Never
 * fails: what can't be read is not there. */
void boot_look(struct boot_run *ret);

int boot_mount_state(struct boot_run *run, bool is_writable) MUST_CHECK;
void boot_unmount_state(struct boot_run *run);

/* Is the whole head of the root partition still what was parked? */
int boot_is_head_parked(const struct boot_run *run, bool *ret) MUST_CHECK;

/* Does what was decided; fills phase, reason and is_ok. Returns only when booting on is safe. */
void boot_act(struct boot_run *run, const struct boot_decision *decision,
	      struct boot_result *result);

/* Nothing may be mounted from this disk: says why, for ever. */
_Noreturn void boot_hold(const char *reason);

/* As mount_device(), after the filesystem's own check where the kernel refuses it. */
int boot_mount(const char *device, const char *target, const char *fstype,
	       unsigned long flags) MUST_CHECK;

/* Nobody recognises a filesystem here, because its superblock is torn: mends it if it is that one.
 */
int boot_mend(const char *device, const char *uuid) MUST_CHECK;

/* --- boot_cut.c ------------------------------------------------------------------------------- */

int boot_carve(struct boot_run *run) MUST_CHECK;

/* Chooses F, writes it to the intent, cuts the filesystem to it. */
int boot_shrink(struct boot_run *run) MUST_CHECK;

/* Does what a log says; holds the machine when that can't be done. */
void boot_apply(const char *device, const struct redo *redo);

/* --- boot_table.c ----------------------------------------------------------------------------- */

void boot_look_at_table(struct boot_run *run);

/* Nothing where nothing is damaged; says what it did, or why it didn't. */
void boot_mend_table(const struct boot_run *run);

/* --- boot_unlock.c ---------------------------------------------------------------------------- */

/* The network script that stays on the machine, in the foreground, with a deadline. */
int boot_network(void) MUST_CHECK;

/* The Clevis secret, by several attempts within budget_s; proven to open a slot. A failure names
 * what stands between this machine and device_url, if that is it. */
int boot_secret(const struct luks_where *where, const char *device_url, unsigned budget_s,
		struct secret *ret) MUST_CHECK;

/* dm-crypt's modules: cryptsetup needs them, and our own library for a cipher that only the kernel
 * has. */
void boot_load_crypt(void);

/* Can this kernel, with this image's modules, use the cipher of that name? */
int boot_try_cipher(const char *text) MUST_CHECK;

/* A cut chunk is finished by us, if we can; then the distribution's own cryptsetup, so that udev
 * and systemd see the mapping. */
int boot_open(const char *device, const struct secret *secret) MUST_CHECK;
