/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the conversion stands: what `status` says in its three forms.
 */
#pragma once

#include "bootstrap/boot_step.h"
#include "bootstrap/phase.h"
#include "bootstrap/progress.h"

struct standing {
	const char *state;   /* "none", "converting", "undoing", "converted" */
	const char *phase;   /* next one; "" */
	const char *waiting; /* "key", "resume", "the first native boot"; "" when for nothing */
	bool is_elsewhere;   /* not the machine that was enrolled */
	bool has_progress;   /* of `encrypt`, `wipe` or `rotate` */
	struct progress progress;
	struct boot_result result;
};

/* Looks at everything. opened: what job_open() said. */
int standing_look(struct job *job, int opened, struct standing *ret) MUST_CHECK;

/* Looks again at what changes by the second: the figures. */
void standing_refresh(const struct job *job, struct standing *standing);

int standing_json(const struct job *job, const struct standing *standing, char **ret) MUST_CHECK;
int standing_text(const struct job *job, const struct standing *standing, char **ret) MUST_CHECK;
