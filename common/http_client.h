/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only door to libcurl: one request, one capped answer. HTTPS only unless the URL's host is a
 * loopback address and allow_plain is set. No redirects, no proxies from the environment, no
 * cookies. When a name can't be resolved, each address family is tried by itself (musl's resolver
 * fails the whole look-up if one family is refused).
 */
#pragma once

#include "common/base.h"
#include "common/secret.h"

struct sockaddr;

enum http_family { HTTP_FAMILY_ANY, HTTP_FAMILY_V4, HTTP_FAMILY_V6 };

struct http_request {
	const char *method; /* "GET", "POST", … */
	const char *url;
	const char *content_type; /* NULL: none */
	const void *body;
	size_t body_len;
	const struct secret *bearer; /* NULL: none; sent as Authorization: Bearer */
	const char *ca_file;	     /* NULL: the system's bundle, searched in the usual places */
	const char *ca_text;	     /* PEM, instead of any file; NULL: none */
	unsigned connect_timeout_s;  /* 0: 10 */
	unsigned timeout_s;	     /* 0: 45; longer than the server's hold */
	unsigned timeout_ms;	     /* 0: timeout_s */
	size_t answer_max_bytes;     /* 0: 64 KiB; above it the request fails with -E2BIG */
	enum http_family family;
	bool allow_plain;
	/* Asked for each address before it is connected to; false: not to this one, -EPERM when it
	 * was the last. NULL: any. */
	bool (*may_connect)(const struct sockaddr *address, void *userdata);
	void *userdata;
};

struct http_answer {
	long status;
	char *body; /* zero byte behind it; may be empty */
	size_t body_len;
	char content_type[64];
};

/* One exchange. 0: an answer of any status was received. Negative: no answer, with a sentence that
 * names the cause (name, connection, certificate, time) and what to do. */
int http_exchange(const struct http_request *request, struct http_answer *ret) MUST_CHECK;
void http_answer_done(struct http_answer *answer);

/* For an answer that isn't 2xx: makes the sentence from its RFC 9457 problem (title, detail) or its
 * status, and returns -EPROTO; -EACCES for 401/403; -EAGAIN for 429/503. 0 for 2xx. */
int http_answer_check(const struct http_answer *answer, const char *what) MUST_CHECK;
