/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See stream.h. The caps and deadlines are the unlock listener's.
 */
#include "server/compat/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "server/edge/edge.h"
#include "server/front/jwk_request.h"

#define STREAM_BYTES (HTTP_HEADER_MAX_BYTES + JWK_REQUEST_MAX_BYTES)

struct stream {
	int in;
	size_t len;
	uint8_t data[STREAM_BYTES];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* More bytes. 0: there are; 1: the end, or none until then. */
static int read_more(struct stream *stream, int64_t until_ms)
{
	struct pollfd wait = { .fd = stream->in, .events = POLLIN };
	ssize_t n;

	for (;;) {
		int64_t left_ms = until_ms - now_ms();

		if (left_ms <= 0)
			return 1;
		if (poll(&wait, 1, (int)left_ms) == 0)
			return 1;
		n = read(stream->in, stream->data + stream->len, STREAM_BYTES - stream->len);
		if (n > 0)
			break;
		if (n == 0)
			return 1;
		if (errno != EINTR && errno != EAGAIN)
			return fail(-errno, "can't read from the client: %m");
	}
	stream->len += (size_t)n;
	return 0;
}

/* The next request. 0; HTTP_INCOMPLETE: there is none; else the status to refuse it with. */
static int next_request(struct stream *stream, struct request *ret, size_t *ret_used)
{
	int64_t until_ms = now_ms() + (stream->len > 0 ? EDGE_REQUEST_S : EDGE_IDLE_S) * 1000;

	for (;;) {
		bool was_empty = stream->len == 0;
		int r = was_empty ? HTTP_INCOMPLETE
				  : http_parse(stream->data, stream->len, JWK_REQUEST_MAX_BYTES,
					       ret, ret_used);

		if (r != HTTP_INCOMPLETE)
			return r;
		r = read_more(stream, until_ms);
		if (r != 0)
			return r < 0 ? r : HTTP_INCOMPLETE;
		if (was_empty)
			until_ms = now_ms() + EDGE_REQUEST_S * 1000;
	}
}

static int send_answer(int out, const struct answer *answer)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = http_print(answer, &text, &len);

	return r < 0 ? r : file_write_all(out, text, len);
}

int compat_stream(const struct compat *compat, int in, int out)
{
	struct stream stream = { .in = in };
	struct answer answer;
	int r;

	do {
		CLEANUP_FREE char *body = NULL;
		struct request request;
		size_t used = 0;

		r = next_request(&stream, &request, &used);
		if (r < 0 || r == HTTP_INCOMPLETE)
			return r < 0 ? r : 0;
		if (r == 0)
			compat_answer(compat, &request, &answer, &body);
		else
			answer = (struct answer){ .status = r, .close = true };
		r = send_answer(out, &answer);
		stream.len -= used;
		memmove(stream.data, stream.data + used, stream.len);
	} while (r == 0 && !answer.close);
	return r;
}
