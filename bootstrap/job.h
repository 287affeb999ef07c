/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a verb needs before it calls phases: facts, and the intent as it stands in both state
 * folders.
 */
#pragma once

#include "bootstrap/phase.h"

struct plan;

enum job_outcome { JOB_NONE = 1 };

/*
 * Collects the facts into *facts (the caller's, must outlive the job) and loads the intent. The
 * boot step writes payload_bytes and root_bytes to BOOT_STATE_DIR, so those win over
 * config->state_dir. 0; JOB_NONE: no intent, but job->facts is filled; negative: the intent is
 * damaged.
 */
int job_open(struct job *ret, const struct config *config, struct facts *facts) MUST_CHECK;

/* The same for who has to know what was wanted although the intent is damaged: by the first of its
 * copies that is whole. Negative when none is. */
int job_open_damaged(struct job *ret, const struct config *config, struct facts *facts) MUST_CHECK;

/* The intent that a plan without refusals asks for: all ids chosen here, once. Pure but for random
 * bytes and /etc/fstab. */
int job_intend(const struct plan *plan, const struct facts *facts, const struct config *config,
	       struct intent *ret) MUST_CHECK;

/* A new random (version 4) UUID, lower case. */
int job_uuid(char ret[static UUID_SIZE]) MUST_CHECK;
