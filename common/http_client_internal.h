/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between http_client.c (one request) and http_client_many.c (several at once): the door to
 * libcurl.
 */
#pragma once

#include <curl/curl.h>

#include "common/http_client.h"
#include "common/strbuf.h"

/* One request under way. Must not move. */
struct http_call {
	CURL *curl;
	struct curl_slist *headers;
	char *url; /* for sentences */
	struct strbuf body;
	size_t max_bytes;
	bool is_too_big, is_refused;
	bool (*may_connect)(const struct sockaddr *address, void *userdata);
	void *userdata;
	char detail[CURL_ERROR_SIZE];
};

#define HTTP_CALL_EMPTY ((struct http_call){ .body = { .text = NULL } })

DEFINE_CLEANUP(CURL *, curl_easy_cleanup);

/* Sets everything up; nothing is sent. The request may go; ret is the caller's to close, also after
 * a failure. */
int http_call_open(const struct http_request *request, struct http_call *ret) MUST_CHECK;

/* The answer, or the sentence for libcurl's code. */
int http_call_end(struct http_call *call, CURLcode code, struct http_answer *ret) MUST_CHECK;
void http_call_close(struct http_call *call);
