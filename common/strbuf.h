/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing text. Once an allocation has failed, it stays failed and later calls do nothing: check
 * once, at the end.
 */
#pragma once

#include "common/base.h"
#include "common/cleanup.h"

#include <stdarg.h>

struct strbuf {
	char *text; /* never NULL after strbuf_add; may be NULL when empty */
	size_t len;
	size_t room;
	bool failed;
};

#define STRBUF_EMPTY ((struct strbuf){ NULL, 0, 0, false })
#define CLEANUP_STRBUF CLEANUP(strbuf_done)

void strbuf_add(struct strbuf *buf, const char *text);
void strbuf_addn(struct strbuf *buf, const char *text, size_t len);
void strbuf_addf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Hands the text over (never NULL on success); -ENOMEM if anything had failed. The buffer is empty
 * after it. */
int strbuf_take(struct strbuf *buf, char **ret) MUST_CHECK;

void strbuf_done(struct strbuf *buf);

/* asprintf with our error contract. */
int text_format(char **ret, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* "1.5 GiB", "16 MiB", "512 B": for people. Buffer of at least 24 bytes. Returns buf. */
char *text_bytes(char buf[static 24], uint64_t bytes);

/* Lower-case hex; ret must hold 2 * len + 1. Parsing demands exactly len bytes and no other
 * character. */
void text_hex(char *ret, const void *data, size_t len);
int text_unhex(void *ret, size_t len, const char *hex) MUST_CHECK;

/* An unsigned decimal number, whole text, no sign, no space. -EINVAL or -ERANGE. */
int text_u64(const char *text, uint64_t *ret) MUST_CHECK;
