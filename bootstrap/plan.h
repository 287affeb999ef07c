/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts and options in; a plan or a list of refusals out. Pure: no file, no process, no clock.
 * Tested by the hundred.
 */
#pragma once

#include "bootstrap/config.h"
#include "bootstrap/facts.h"

#define PLAN_REFUSALS_MAX 32
#define PLAN_SHIFT_BYTES (16 * MIB) /* S: LUKS2's default header size; S >= 16 MiB */

struct refusal {
	const char *code;    /* stable: "not-root", "container", "already-luks", … */
	char fact[256];	     /* what was seen */
	const char *why;     /* why it matters */
	const char *todo;    /* what to do */
	bool is_overridable; /* by --force-platform */
};

struct plan {
	struct refusal refusals[PLAN_REFUSALS_MAX];
	size_t refusal_count;
	bool needs_bootpart;		   /* root holds /boot */
	uint64_t boot_bytes;		   /* of the partition to make; 0 when none */
	uint64_t root_bytes;		   /* R after carve */
	uint64_t shift_bytes;		   /* S */
	uint64_t payload_estimate_bytes;   /* F, computed for good by `shrink` */
	uint64_t tail_estimate_bytes;	   /* of root, outside F and header: for free_space */
	const char *coverage, *free_space; /* of the options */
	const char *cipher;		   /* a text of cipher.h */
	bool rotate_after;
	unsigned reboots;
	char notes[8][256]; /* what people should know: recovery passphrase, what stays plain */
	size_t note_count;
};

void plan_build(const struct facts *facts, const struct config *config, struct plan *ret);

/* Text for people (no colour codes), and JSON; the caller frees. */
int plan_print(const struct plan *plan, const struct facts *facts, char **ret) MUST_CHECK;
int plan_to_json(const struct plan *plan, const struct facts *facts, json_t **ret) MUST_CHECK;
