/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs of panocrypt-bootstrap, one file each (verb_*.c); main.c holds the table.
 *
 * A verb returns 0, a value of enum verb_exit, or a negative errno with its sentence, which main()
 * prints: exit status 1.
 */
#pragma once

#include "bootstrap/config.h"

enum verb_exit {
	VERB_DONE = 0,
	VERB_FAILED = 1,
	VERB_USAGE = 2,
	VERB_REFUSED = 3, /* looked, and won't: every reason was printed */
};

int verb_plan(const struct config *config) MUST_CHECK;
int verb_run(const struct config *config) MUST_CHECK;
int verb_status(const struct config *config) MUST_CHECK;
int verb_undo(const struct config *config) MUST_CHECK;
int verb_pause(const struct config *config) MUST_CHECK;
int verb_resume(const struct config *config) MUST_CHECK;

/* What `undo` does with a job that is open, and `continue` with one whose intent says undo. */
struct job;
int undo_job(struct job *job) MUST_CHECK;

/* Hidden: what the systemd unit and the initramfs call. */
int verb_continue(const struct config *config) MUST_CHECK;
int verb_boot(const struct config *config) MUST_CHECK;
