/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few macros that every file may use. Nothing here allocates, locks or prints.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB 1024ULL
#define MIB (1024ULL * KIB)
#define GIB (1024ULL * MIB)
#define SECTOR_BYTES 512ULL

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))

#ifndef PANOCRYPT_VERSION
#define PANOCRYPT_VERSION "unknown" /* the Makefile says it */
#endif

/* TAKE_PTR(p): the value of p, and p is NULL from here on: the caller hands the object over. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) *_take_at = &(p);                                                    \
		__typeof__(p) _taken = *_take_at;                                                  \
		*_take_at = NULL;                                                                  \
		_taken;                                                                            \
	})

/* TAKE_FD(fd): the same for a file descriptor, which becomes -1. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *_take_at = &(fd);                                                             \
		int _taken = *_take_at;                                                            \
		*_take_at = -1;                                                                    \
		_taken;                                                                            \
	})
