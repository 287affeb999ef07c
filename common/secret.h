/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key bytes live here and nowhere else: locked in memory, left out of core dumps and forked
 * children, wiped when the scope ends. A secret never goes into argv, the environment, a log,
 * fail() or a JSON value that is kept.
 */
#pragma once

#include "common/base.h"
#include "common/cleanup.h"

struct secret {
	uint8_t *data; /* NULL when empty; a zero byte follows, so that text can be a string */
	size_t len;
	size_t mapped_bytes; /* what secret_done() unmaps */
};

#define SECRET_EMPTY ((struct secret){ NULL, 0, 0 })
#define CLEANUP_SECRET CLEANUP(secret_done)

/* A zeroed secret of len bytes (1 .. 1 MiB). -ENOMEM when memory can't be had or locked. */
int secret_alloc(struct secret *ret, size_t len) MUST_CHECK;

/* A copy of len bytes; the caller wipes its own. */
int secret_copy(struct secret *ret, const void *data, size_t len) MUST_CHECK;

/* len bytes from the kernel's random generator. */
int secret_random(struct secret *ret, size_t len) MUST_CHECK;

/* All that can be read from fd, at most max_bytes; -E2BIG above it, -ENODATA for nothing. */
int secret_read_fd(struct secret *ret, int fd, size_t max_bytes) MUST_CHECK;

/* The same from a file; refuses (with a sentence) files that others than the owner can read. */
int secret_read_file(struct secret *ret, const char *path, size_t max_bytes) MUST_CHECK;

/* Cuts trailing newlines (\n, \r\n) in place: for passphrases typed or read from a file. */
void secret_trim_newline(struct secret *secret);

/* Constant-time comparison. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Wipes and unmaps; the secret is empty after it. Accepts an empty one. */
void secret_done(struct secret *secret);

/* Wipes any memory in a way the compiler keeps. */
void secret_wipe(void *data, size_t len);

/* Locks the process against core dumps and ptrace; call once at the start of a program that will
 * hold keys. */
int secret_guard_process(void) MUST_CHECK;
