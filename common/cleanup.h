/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scope frees. Everything acquired is declared with one of these next to its start value:
 *
 *	CLEANUP_FREE char *text = NULL;
 *	CLEANUP_CLOSE int fd = -1;
 *	CLEANUP(thing_freep) struct thing *thing = NULL;
 *
 * goto exists only to undo side effects, forward, to a label named undo.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Defines static void <function>p(type *p): calls function(*p) unless *p is NULL. */
#define DEFINE_CLEANUP(type, function)                                                             \
	static inline void function##p(type *p)                                                    \
	{                                                                                          \
		if (*p)                                                                            \
			function(*p);                                                              \
	}                                                                                          \
	struct cleanup_needs_a_semicolon

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

/* Keeps errno, so that a return of -errno in the same scope stays true. */
static inline void cleanup_close(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_fclose(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_CLOSE CLEANUP(cleanup_close)
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose)
