/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where spawn.c collects what a program says: its output as text or as a secret, never more than
 * was asked for, and the tail of the rest for the sentence about its failure.
 */
#pragma once

#include "common/secret.h"
#include "common/strbuf.h"

#define SPAWN_SECRET_MAX (64 * KIB)
#define SPAWN_TAIL_BYTES 400 /* of what a failed program said last */

/* What the program says. Exactly one of text and secret is set when stdout is wanted. */
struct spawn_sink {
	struct strbuf *text;
	struct secret *secret; /* of SPAWN_SECRET_MAX; len says what is filled */
	size_t max_bytes;
	bool is_over;
	char tail[SPAWN_TAIL_BYTES + 1];
	size_t tail_len;
};

/* Reads what is there; closes *fd at the end. Returns false when nothing was there. is_over says
 * that there was more than fits. */
bool spawn_sink_drain(struct spawn_sink *sink, int *fd, bool is_stdout);

/* When all has been read: makes the tail one line, without control characters, for a sentence. */
void spawn_sink_end(struct spawn_sink *sink);
