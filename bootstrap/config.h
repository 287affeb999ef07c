/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of panocrypt-bootstrap: one table (config.c), read from PANOCRYPT_* and then from
 * flags.
 */
#pragma once

#include "common/options.h"

#define CONFIG_NO_RATE UINT64_MAX

struct config {
	const char *enrollment_key; /* PANOCRYPT_ENROLLMENT_KEY: scoped, short-lived, never unlocks
				       anything */
	const char *server;	    /* PANOCRYPT_SERVER: https://name:port of the admin listener */
	const char *ca_file; /* PANOCRYPT_CA: PEM of the server's CA; NULL: the system's bundle */
	const char *recovery_passphrase_file; /* NULL: one is generated and written at the end */
	const char *recovery_output;	      /* where a generated one is written:
						 /root/panocrypt-recovery-passphrase.txt */
	const char *state_dir;		      /* tests only (hidden): default STATE_DIR */
	uint64_t boot_bytes;	/* size of the /boot partition to make; default 768 MiB */
	uint64_t max_rate;	/* bytes per second; 0: none; CONFIG_NO_RATE: nothing was said */
	const char *free_space; /* a name of free_space.h; default "zero" */
	const char *coverage;	/* "used" (default) or "full" */
	const char *cipher;	/* of cipher.h: CIPHER_AUTO (default), or a cipher's text */
	struct option_list leave_plain; /* writable filesystems that stay plain: mount points */
	bool json;
	bool watch;	     /* status: look again until it is over */
	bool rotate_after;   /* encrypt everything once more, with another volume key */
	bool yes;	     /* no question on a terminal */
	bool final_reboot;   /* reboot once more by ourselves for the native boot */
	bool no_reboot;	     /* stop where a reboot is needed, and say so */
	bool force_platform; /* go on where only `untested-platform` refuses */
	bool help;
};

extern const struct option_row *const config_rows;
extern const size_t config_row_count; /* of those for people */

/* Defaults, environment, flags. -EINVAL with a sentence. */
int config_parse(struct config *ret, int argc, char **argv) MUST_CHECK;
