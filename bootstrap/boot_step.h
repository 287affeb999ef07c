/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot step: what runs in the initramfs, before the root is mounted. boot_look() reads,
 * boot_decide() is pure, boot_act.c changes. Whatever goes wrong before the first byte of the
 * header is written, the machine boots on. docs/boot-step.md has the table.
 *
 * The image carries /etc/panocrypt/boot.json ({"state_uuid","state_path",
 * "fs_uuid","root_partuuid","boot_partuuid","made_in_boot"}): which filesystem holds intent and
 * header copy.
 *	stage 1: the root filesystem itself, /var/lib/panocrypt (mounted read-only, copied to
 *		 memory, unmounted)
 *	stage 2: the plain, separate /boot, /panocrypt
 * The mark "panocrypt.boot=<uuid of that /boot>" is written only into the new /boot's grub.cfg.
 */
#pragma once

#include "bootstrap/intent.h"

enum boot_action {
	BOOT_NOTHING,	  /* boot on; nothing of ours to do */
	BOOT_REDO,	  /* finish a cut `carve` or `shrink` by its log, then look again */
	BOOT_CARVE,	  /* stage 1: rehearse, then carve */
	BOOT_CONVERT,	  /* stage 2: rehearse, shrink, place from the pristine copy, open */
	BOOT_PLACE_AGAIN, /* a cut inside place: finish from header.post, mount nothing before */
	BOOT_UNLOCK,	  /* marker: first chunk if it is missing, then open */
	BOOT_HOLD,	  /* must not be mounted and can't be repaired here: stop and say why */
};

struct boot_facts {
	bool has_intent, has_header, has_post, has_marker;
	bool is_undo_wanted;	     /* of the intent */
	bool has_boot_partition;     /* the partition of intent.boot_partuuid exists */
	bool is_boot_separate;	     /* the state is on a separate /boot */
	bool is_boot_proven;	     /* the mark on the command line names intent.boot_uuid */
	bool is_root_filesystem;     /* root device: plain, with intent.fs_uuid, superblock valid */
	bool is_root_luks;	     /* our LUKS UUID is recognised on it */
	bool is_root_same_as_parked; /* its superblock is the parked one; has_post only */
	bool has_redo;	      /* a whole redo log that fits the disk; nothing else is known then */
	bool is_redo_foreign; /* a whole redo log, and the disk was written to since */
	bool is_redo_unknown; /* where one could be can't be read: nothing may be mounted */
	bool has_skip;	      /* "panocrypt.skip" on the command line: the user's way out */
};

struct boot_decision {
	enum boot_action action;
	bool is_trouble;    /* a step was due and can't be taken: no reboot by itself */
	const char *reason; /* constant text */
};

struct boot_decision boot_decide(const struct boot_facts *facts);
const char *boot_action_name(enum boot_action action);

/* Does the kernel command line have this word? */
bool boot_cmdline_has(const char *cmdline, const char *word);

/* RUN_DIR/result.json: {"action","ok","phase","reason","at_s"}; read by the running system's phases
 * and status. */
struct boot_result {
	char action[24], phase[24], reason[512];
	bool is_ok;
	bool exists;
};
int boot_result_write(const struct boot_result *result) MUST_CHECK;

/* exists = false when the boot step did not run. */
int boot_result_read(struct boot_result *ret) MUST_CHECK;

/* For done() of the boot step's phases, after they have found that the work isn't done: 0 when a
 * reboot is the way on; negative with the boot step's own reason when it has stopped in this boot
 * at what this phase stands for, or when this boot went around it. */
int boot_result_check(const char *phase) MUST_CHECK;
