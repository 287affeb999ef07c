/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See http_client_many.h: libcurl's multi interface. A request is in the multi handle from its
 * start to its end, and points to its call.
 */
#include "common/http_client_many.h"

#include "common/err.h"
#include "common/http_client_internal.h"

#define FDS_MAX 4

struct running {
	struct running *next;
	struct http_call call;
	uint64_t tag;
};

struct http_many {
	CURLM *multi;
	struct running *all;
};

int http_many_open(struct http_many **ret)
{
	struct http_many *many = calloc(1, sizeof(*many));

	if (many)
		many->multi = curl_multi_init();
	if (!many || !many->multi) {
		free(many);
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	}
	*ret = many;
	return 0;
}

static void end(struct http_many *many, struct running *running)
{
	struct running **at = &many->all;

	while (*at != running)
		at = &(*at)->next;
	*at = running->next;
	if (running->call.curl)
		curl_multi_remove_handle(many->multi, running->call.curl);
	http_call_close(&running->call);
	free(running);
}

void http_many_close(struct http_many *many)
{
	while (many->all)
		end(many, many->all);
	curl_multi_cleanup(many->multi);
	free(many);
}

int http_many_start(struct http_many *many, const struct http_request *request, uint64_t tag)
{
	struct running *running = calloc(1, sizeof(*running));
	int r;

	if (!running)
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	running->next = many->all;
	many->all = running;
	running->tag = tag;
	r = http_call_open(request, &running->call);
	if (r == 0)
		curl_easy_setopt(running->call.curl, CURLOPT_PRIVATE, running);
	if (r == 0 && curl_multi_add_handle(many->multi, running->call.curl) != CURLM_OK)
		r = fail(-EIO, "%s: libcurl doesn't take the request", request->url);
	if (r < 0)
		end(many, running);
	return r;
}

int http_many_wait(struct http_many *many, const int *fds, size_t count, int timeout_ms)
{
	struct curl_waitfd extra[FDS_MAX];
	CURLMcode code;
	int unused;

	if (count > FDS_MAX)
		return fail(-EINVAL, "too many descriptors to wait for");
	for (size_t i = 0; i < count; i++)
		extra[i] = (struct curl_waitfd){ .fd = fds[i], .events = CURL_WAIT_POLLIN };
	code = curl_multi_poll(many->multi, extra, (unsigned)count, timeout_ms, NULL);
	if (code == CURLM_OK)
		code = curl_multi_perform(many->multi, &unused);
	return code == CURLM_OK ? 0 : fail(-EIO, "libcurl: %s", curl_multi_strerror(code));
}

bool http_many_next(struct http_many *many, struct http_end *ret)
{
	const struct CURLMsg *message;
	struct running *running = NULL;
	char *private = NULL;
	int left;

	do {
		message = curl_multi_info_read(many->multi, &left);
	} while (message && message->msg != CURLMSG_DONE);
	if (!message || curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private))
		return false;
	running = (struct running *)(void *)private;
	*ret = (struct http_end){ .tag = running->tag };
	ret->r = http_call_end(&running->call, message->data.result, &ret->answer);
	end(many, running);
	return true;
}
