/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The intent file: what is wanted, never what was done. One small JSON object with a checksum,
 * replaced atomically.
 *
 *	on plain root		/var/lib/panocrypt/intent.json	until bootpart; kept inside the
 *								encrypted root after it
 *	on the new /boot	/boot/panocrypt/intent.json	the boot step's source from then on
 *
 * Beside each stands a second copy, written first. Only who can't go on without it asks for that
 * one (`undo`); nothing goes on with a conversion by it.
 *
 * All ids are chosen once, when the intent is made, so that every later step can be looked for on
 * the disk.
 */
#pragma once

#include "common/base.h"

#define STATE_DIR "/var/lib/panocrypt"
#define BOOT_STATE_DIR "/boot/panocrypt"
#ifndef RUN_DIR /* tests have another for each machine */
#define RUN_DIR "/run/panocrypt"
#endif
#define INSTALL_DIR "/usr/lib/panocrypt"
#define MAPPING_NAME "cryptroot"

/* File names in the state folders. */
#define INTENT_FILE "intent.json"
#define INTENT_COPY_FILE "intent.copy.json" /* for when that one is damaged */
#define HEADER_FILE "header.img"	    /* as made by `header`; S bytes, LUKS2, detached */
#define HEADER_POST_FILE                                                                           \
	"header.post" /* after init: what stands (or must stand) at the head of the device */
#define MARKER_FILE                                                                                \
	"placed" /* on /boot: the header is in place; the copies are never written again */
#define REPORT_TOKEN_FILE "report-token" /* root only, never on /boot */
#define NONCE_FILE "nonce"
#define BOOT_RESULT_FILE "result.json" /* in RUN_DIR: what the boot step of this boot did */

#define UUID_SIZE 37

struct intent {
	char server[512];     /* admin listener */
	char device_url[512]; /* https://…/d/<device> */
	char device[33];
	char thumbprint[44]; /* of the device's signing key */
	char ca_file[256];   /* "": system bundle */
	char luks_uuid[UUID_SIZE];
	char fs_uuid[UUID_SIZE]; /* root filesystem */
	char root_partuuid[UUID_SIZE];
	char disk_id[UUID_SIZE];   /* GPT disk GUID */
	char boot_uuid[UUID_SIZE]; /* the /boot filesystem we make (or the separate one found) */
	char boot_partuuid[UUID_SIZE];
	uint64_t boot_bytes;	/* 0: /boot was separate already */
	uint64_t shift_bytes;	/* S */
	uint64_t payload_bytes; /* F; 0 until `shrink` has computed it, then never changed */
	uint64_t root_bytes;	/* R: size of the root partition after carve; 0 before */
	char recovery[16];	/* "file" or "generated" */
	char recovery_output[256];
	char leave_plain[1024]; /* mount points, separated by commas */
	char product_uuid[64];	/* of the machine that was enrolled; "" if not known */
	char free_space[8];	/* what `wipe` does: a name of free_space.h */
	char coverage[8];	/* "used": F as small as it may be; "full": as large */
	char cipher[48];	/* a text of cipher.h */
	bool rotate_after;	/* once encrypted, change to another volume key */
	bool final_reboot;
	bool undo; /* wanted is the machine as it was: nothing goes on with the conversion */
	char root_mount_options[256]; /* of fstab, to be restored (x-systemd.growfs) */
};

/* Reads dir/INTENT_FILE. -ENOENT without a sentence when there is none; -EBADMSG when damaged. */
int intent_read(const char *dir, struct intent *ret) MUST_CHECK;

/* The same; where it is damaged, its copy beside it. */
int intent_read_whole(const char *dir, struct intent *ret) MUST_CHECK;

/* Replaces both durably, the copy first. */
int intent_write(const char *dir, const struct intent *intent) MUST_CHECK;

/* Pure halves, for tests and the fuzzer. */
int intent_parse(const char *text, size_t len, struct intent *ret) MUST_CHECK;
int intent_print(const struct intent *intent, char **ret) MUST_CHECK;
