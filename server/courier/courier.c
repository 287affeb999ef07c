/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread: what core asks for is started at once, what has ended is told. Core bounds how much
 * it asks for and how long it waits; here is only a second bound.
 */
#include "server/courier/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/err.h"
#include "common/http_client_many.h"
#include "common/log.h"
#include "server/courier/confine.h"
#include "server/courier/target.h"
#include "server/message_io.h"

#define REQUESTS_MAX 512
#define WAIT_MS 60000

struct courier {
	struct message_port core;
	int monitor_fd;
	struct http_many *many;
	const struct cidr_list *private_targets;
	size_t count; /* under way */
};

/* --- where to -------------------------------------------------------------------------------- */

static bool to_source(const struct sockaddr *address, struct source_address *ret)
{
	*ret = (struct source_address){ .bytes = { [10] = 0xff, [11] = 0xff } };
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		memcpy(ret->bytes + 12, &v4.sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		memcpy(ret->bytes, &v6.sin6_addr, sizeof(ret->bytes));
		return true;
	}
	return false;
}

static bool may_connect(const struct sockaddr *address, void *userdata)
{
	const struct courier *courier = userdata;
	struct source_address to;

	return to_source(address, &to) && target_is_allowed(courier->private_targets, &to);
}

/* --- back to core ---------------------------------------------------------------------------- */

static int tell(struct courier *courier, union message *message)
{
	int r = message_send(&courier->core, message, -1);

	if (r == MESSAGE_LATER) /* core takes it for a timeout */
		log_warning("core doesn't read its answers: one is lost");
	return r == MESSAGE_END ? MESSAGE_END : MIN(r, 0);
}

/* What each failure of http_exchange() is called. */
static enum authorizer_cause cause_of(int r)
{
	static const struct {
		int r;
		enum authorizer_cause cause;
	} rows[] = {
		{ -ETIMEDOUT, AUTHORIZER_TIMEOUT },	     { -EHOSTUNREACH, AUTHORIZER_NO_NAME },
		{ -ECONNREFUSED, AUTHORIZER_NO_CONNECTION }, { -EPERM, AUTHORIZER_PRIVATE },
		{ -EKEYREJECTED, AUTHORIZER_CERTIFICATE },   { -ENOKEY, AUTHORIZER_CERTIFICATE },
		{ -EPROTO, AUTHORIZER_CERTIFICATE },	     { -E2BIG, AUTHORIZER_TOO_LARGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].r == r)
			return rows[i].cause;
	return AUTHORIZER_FAILED;
}

static enum authorizer_cause read_answer(const struct http_answer *answer,
					 struct message_delivered *ret)
{
	struct authorizer_answer read;

	if (answer->status != 200) {
		log_warning("an authorizer answers with status %ld", answer->status);
		return AUTHORIZER_STATUS;
	}
	if (authorizer_answer_parse(answer->body, answer->body_len, &read) < 0) {
		log_warning("%s", fail_text());
		return AUTHORIZER_GARBAGE;
	}
	ret->header = read.header;
	ret->expires_s = read.expires_s;
	memcpy(ret->id, read.id, sizeof(ret->id));
	ret->signature_len = (uint32_t)read.signature_len;
	memcpy(ret->signature, read.signature, read.signature_len);
	return read.allows ? AUTHORIZER_SAID_ALLOW : AUTHORIZER_SAID_DENY;
}

static int tell_end(struct courier *courier, struct http_end *end)
{
	union message message;

	message_start(&message, MESSAGE_DELIVERED, 0, end->tag);
	if (end->r < 0) {
		log_warning("%s", fail_text());
		message.delivered.cause = cause_of(end->r);
	} else {
		message.delivered.cause = read_answer(&end->answer, &message.delivered);
		http_answer_done(&end->answer);
	}
	return tell(courier, &message);
}

/* --- from core ------------------------------------------------------------------------------- */

static int start(struct courier *courier, const struct message_deliver *asked)
{
	const struct http_request request = {
		.method = "POST",
		.url = asked->url,
		.content_type = "application/jose",
		.body = asked->post,
		.body_len = strlen(asked->post),
		.ca_text = asked->ca[0] ? asked->ca : NULL,
		.timeout_ms = asked->timeout_ms,
		.answer_max_bytes = AUTHORIZER_ANSWER_MAX_BYTES,
		.may_connect = may_connect,
		.userdata = courier,
	};
	union message message;
	int r = courier->count < REQUESTS_MAX
			? http_many_start(courier->many, &request, asked->head.request)
			: fail(-EBUSY, "too many requests at once");

	if (r == 0) {
		courier->count++;
		return 0;
	}
	log_failure(r);
	message_start(&message, MESSAGE_DELIVERED, 0, asked->head.request);
	message.delivered.cause = r == -EBUSY ? AUTHORIZER_BUSY : AUTHORIZER_FAILED;
	return tell(courier, &message);
}

static int take_all(struct courier *courier)
{
	union message message;
	int r;

	while ((r = message_receive(&courier->core, &message, NULL)) == 0) {
		r = start(courier, &message.deliver);
		if (r != 0)
			return r;
	}
	return r == MESSAGE_LATER ? 0 : r;
}

static int tell_all(struct courier *courier)
{
	struct http_end end;

	while (http_many_next(courier->many, &end)) {
		int r = tell_end(courier, &end);

		courier->count--;
		if (r != 0)
			return r;
	}
	return 0;
}

static bool has_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int serve(struct courier *courier)
{
	const int fds[] = { courier->core.fd, courier->monitor_fd };
	int r = 0;

	while (r == 0 && !has_ended(courier->monitor_fd)) {
		r = http_many_wait(courier->many, fds, ARRAY_SIZE(fds), WAIT_MS);
		if (r == 0)
			r = take_all(courier);
		if (r == 0)
			r = tell_all(courier);
	}
	return MIN(r, 0);
}

/* --- start ----------------------------------------------------------------------------------- */

static int say_ready(int fd)
{
	const struct message_port port = { fd, PROCESS_COURIER, PROCESS_MONITOR, PROCESS_STARTING };
	union message message;
	int r;

	message_start(&message, MESSAGE_READY, 0, 0);
	r = message_send(&port, &message, -1);
	return r <= 0 ? r : fail(-EPIPE, "the monitor doesn't listen");
}

/* What libc loads for the first look-up, it can't load behind the filter. */
static void warm_up_resolver(void)
{
	struct addrinfo *list = NULL;

	if (getaddrinfo("localhost", NULL, NULL, &list) == 0)
		freeaddrinfo(list);
}

int courier_main(const struct courier_setup *setup)
{
	struct courier courier = {
		.core = { setup->core_fd, PROCESS_COURIER, PROCESS_CORE, PROCESS_SERVING },
		.monitor_fd = setup->monitor_fd,
		.private_targets = setup->private_targets,
	};
	int flags = fcntl(setup->core_fd, F_GETFL);
	int r;

	if (flags < 0 || fcntl(setup->core_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return fail(-errno, "can't use the pair to core: %m");
	warm_up_resolver();
	r = http_many_open(&courier.many);
	if (r == 0)
		r = confine_files();
	if (r == CONFINE_UNAVAILABLE) {
		log_warning("there is no Landlock here: the courier could read what the server's "
			    "user can read");
		r = 0;
	}
	if (r == 0)
		r = process_sandbox(PROCESS_COURIER, PROCESS_REACH_FILES);
	if (r == 0)
		r = say_ready(setup->monitor_fd);
	if (r == 0)
		r = serve(&courier);
	if (courier.many)
		http_many_close(courier.many);
	return r;
}
