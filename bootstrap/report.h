/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Progress and evidence to the server: best effort, never holds a phase up for more than some
 * seconds, never fails one. The lines that people see on console and in the journal are the phases'
 * own (log.h).
 */
#pragma once

#include "bootstrap/intent.h"
#include "bootstrap/progress.h"
#include "common/json.h"

struct reporter {
	const struct intent *intent;
	const char *state_dir; /* where the report token is */
	unsigned boot;
	bool is_dead; /* the server said token-unknown: stop asking */
	uint64_t last_sent_ms;
};

enum report_state { REPORT_RUNNING, REPORT_DONE, REPORT_FAILED, REPORT_REFUSED };

/* percent < 0: none. Running reports are sent at most every 5 s; others always. message may be
 * NULL. */
void report_progress(struct reporter *reporter, const char *phase, enum report_state state,
		     double percent, const char *message);

/* A running phase's figures, with their text as the message. Sent as rarely. */
void report_running(struct reporter *reporter, const struct progress *progress);

/* Returns 0 when the server has taken it, negative (with a sentence) otherwise: `verify` retries.
 */
int report_evidence(struct reporter *reporter, const json_t *evidence) MUST_CHECK;
