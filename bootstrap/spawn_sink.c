/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See spawn_sink.h. */
#include "bootstrap/spawn_sink.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void tail_add(struct spawn_sink *sink, const char *data, size_t len)
{
	size_t keep;

	if (len > SPAWN_TAIL_BYTES) {
		data += len - SPAWN_TAIL_BYTES;
		len = SPAWN_TAIL_BYTES;
	}
	keep = MIN(sink->tail_len, SPAWN_TAIL_BYTES - len);
	memmove(sink->tail, sink->tail + sink->tail_len - keep, keep);
	memcpy(sink->tail + keep, data, len);
	sink->tail_len = keep + len;
	sink->tail[sink->tail_len] = '\0';
}

static void sink_secret(struct spawn_sink *sink, const char *data, size_t len)
{
	if (len > SPAWN_SECRET_MAX - sink->secret->len) {
		sink->is_over = true;
		return;
	}
	memcpy(sink->secret->data + sink->secret->len, data, len);
	sink->secret->len += len;
}

static void sink_text(struct spawn_sink *sink, const char *data, size_t len)
{
	if (len > sink->max_bytes - sink->text->len)
		sink->is_over = true;
	else
		strbuf_addn(sink->text, data, len);
}

bool spawn_sink_drain(struct spawn_sink *sink, int *fd, bool is_stdout)
{
	char buffer[4096];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, buffer, sizeof(buffer));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return false;
	}
	if (is_stdout && sink->secret)
		sink_secret(sink, buffer, (size_t)n);
	else if (is_stdout && sink->text)
		sink_text(sink, buffer, (size_t)n);
	else
		tail_add(sink, buffer, (size_t)n);
	if (is_stdout && sink->secret)
		secret_wipe(buffer, sizeof(buffer));
	return true;
}

void spawn_sink_end(struct spawn_sink *sink)
{
	while (sink->tail_len && (unsigned char)sink->tail[sink->tail_len - 1] <= ' ')
		sink->tail[--sink->tail_len] = '\0';
	for (size_t i = 0; i < sink->tail_len; i++) {
		if ((unsigned char)sink->tail[i] < ' ' || sink->tail[i] == 0x7f)
			sink->tail[i] = sink->tail[i] == '\n' ? ';' : ' ';
	}
}
