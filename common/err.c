/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sentence of the last failure, one per thread. Allocates nothing: it must work when memory is
 * short. Prints nothing.
 */
#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Defined here, so without the analyzer's macros. */
#undef fail
#undef fail_at

static _Thread_local char sentence[FAIL_TEXT_MAX];

int fail(int r, const char *format, ...)
{
	char text[FAIL_TEXT_MAX]; /* an argument may be fail_text() itself */
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(sentence, text, sizeof(sentence));
	return r;
}

int fail_at(int r, const char *format, ...)
{
	char frame[FAIL_TEXT_MAX / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(frame, sizeof(frame), format, args);
	va_end(args);
	return fail(r, "%s: %s", frame, sentence[0] ? sentence : strerror(-r));
}

const char *fail_text(void)
{
	return sentence;
}

void fail_clear(void)
{
	sentence[0] = '\0';
}
