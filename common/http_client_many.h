/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several requests of http_client.h at once, in one thread, each with its own limits. Nothing is
 * shared between them but the resolver's short memory.
 */
#pragma once

#include "common/cleanup.h"
#include "common/http_client.h"

struct http_many;

int http_many_open(struct http_many **ret) MUST_CHECK;
/* Drops what is under way. */
void http_many_close(struct http_many *many);
DEFINE_CLEANUP(struct http_many *, http_many_close);

/* Starts one; tag comes back with its end. The request may go. */
int http_many_start(struct http_many *many, const struct http_request *request,
		    uint64_t tag) MUST_CHECK;

/* Waits until something happens to a request, one of the descriptors can be read, or the time is
 * over; goes on with all requests. */
int http_many_wait(struct http_many *many, const int *fds, size_t count, int timeout_ms) MUST_CHECK;

/* How one has ended. */
struct http_end {
	uint64_t tag;
	int r; /* as http_exchange() returns it, with its sentence */
	struct http_answer answer;
};

/* The next one that has ended; false: none. The answer is the caller's to release. */
bool http_many_next(struct http_many *many, struct http_end *ret);
