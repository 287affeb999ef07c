/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing text, and small conversions between text and numbers. Reads no file and no locale.
 */
#include "common/strbuf.h"

#include "common/cleanup.h"
#include "common/err.h"

#include <string.h>

/* Room for more bytes and the zero behind them; false once anything has failed. */
static bool reserve(struct strbuf *buf, size_t more)
{
	size_t wanted = buf->room ? buf->room : 64;
	char *text;

	if (buf->failed || more >= SIZE_MAX / 4 || buf->len >= SIZE_MAX / 4) {
		buf->failed = true;
		return false;
	}
	while (wanted < buf->len + more + 1)
		wanted *= 2;
	if (wanted == buf->room)
		return true;
	text = realloc(buf->text, wanted);
	if (!text) {
		buf->failed = true;
		return false;
	}
	buf->text = text;
	buf->room = wanted;
	return true;
}

void strbuf_addn(struct strbuf *buf, const char *text, size_t len)
{
	if (!reserve(buf, len))
		return;
	memcpy(buf->text + buf->len, text, len);
	buf->len += len;
	buf->text[buf->len] = '\0';
}

void strbuf_add(struct strbuf *buf, const char *text)
{
	strbuf_addn(buf, text, strlen(text));
}

static PRINTF_LIKE(2, 0) void add_args(struct strbuf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len < 0)
		buf->failed = true;
	else if (reserve(buf, (size_t)len)) {
		vsnprintf(buf->text + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_args(buf, format, args);
	va_end(args);
}

int strbuf_take(struct strbuf *buf, char **ret)
{
	if (!buf->text)
		strbuf_addn(buf, "", 0);
	if (buf->failed) {
		strbuf_done(buf);
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	}
	*ret = TAKE_PTR(buf->text);
	strbuf_done(buf);
	return 0;
}

void strbuf_done(struct strbuf *buf)
{
	free(buf->text);
	*buf = STRBUF_EMPTY;
}

int text_format(char **ret, const char *format, ...)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	va_list args;

	va_start(args, format);
	add_args(&buf, format, args);
	va_end(args);
	return strbuf_take(&buf, ret);
}

/* Cuts instead of rounding: "1.9 GiB" is never as much as 2 GiB. */
char *text_bytes(char buf[static 24], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t unit = 1;
	unsigned tenths;
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	tenths = (unsigned)(bytes % unit * 10 / unit); /* below 2^60 * 10: fits */
	if (tenths)
		snprintf(buf, 24, "%u.%u %s", (unsigned)(bytes / unit), tenths, units[i]);
	else
		snprintf(buf, 24, "%u %s", (unsigned)(bytes / unit), units[i]);
	return buf;
}

void text_hex(char *ret, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;
	size_t i;

	for (i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_unhex(void *ret, size_t len, const char *hex)
{
	uint8_t *bytes = ret;
	size_t i;

	if (strlen(hex) != 2 * len)
		return fail(-EINVAL, "must be %zu hex digits", 2 * len);
	for (i = 0; i < 2 * len; i++) {
		if (hex_digit(hex[i]) < 0)
			return fail(-EINVAL, "must be %zu hex digits", 2 * len);
	}
	for (i = 0; i < len; i++)
		bytes[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	return 0;
}

int text_u64(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *c;

	if (!*text)
		return fail(-EINVAL, "must be a whole number");
	for (c = text; *c; c++) {
		unsigned digit = (unsigned)(*c - '0');

		if (*c < '0' || *c > '9')
			return fail(-EINVAL, "must be a whole number");
		if (value > (UINT64_MAX - digit) / 10)
			return fail(-ERANGE, "the number is too big");
		value = value * 10 + digit;
	}
	*ret = value;
	return 0;
}
