/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTPS request through libcurl: with http_client_many.c the only file that includes it.
 * Nothing from the environment changes where a request goes or whom it trusts, except
 * SSL_CERT_FILE, which every TLS program on the machine honours. Keeps no connection, no cookie and
 * no state between calls.
 */
#include "common/http_client.h"

#include "common/err.h"
#include "common/file.h"
#include "common/http_client_internal.h"
#include "common/json.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_CONNECT_TIMEOUT_S 10
#define DEFAULT_TIMEOUT_S 45
#define DEFAULT_ANSWER_MAX_BYTES (64 * KIB)

DEFINE_CLEANUP(CURLU *, curl_url_cleanup);

static size_t receive(char *data, size_t size, size_t count, void *userdata)
{
	struct http_call *call = userdata;
	size_t len = size * count;

	call->is_too_big = len > call->max_bytes - call->body.len;
	if (call->is_too_big)
		return 0; /* libcurl gives up: CURLE_WRITE_ERROR */
	strbuf_addn(&call->body, data, len);
	return call->body.failed ? 0 : len;
}

/* Bodies may hold tokens, and so does one of the header lines: wiped. */
void http_call_close(struct http_call *call)
{
	struct curl_slist *line;

	curl_easy_cleanupp(&call->curl);
	for (line = call->headers; line; line = line->next)
		secret_wipe(line->data, strlen(line->data));
	curl_slist_free_all(call->headers);
	if (call->body.text)
		secret_wipe(call->body.text, call->body.room);
	strbuf_done(&call->body);
	free(call->url);
	*call = HTTP_CALL_EMPTY;
}

/* The address of the moment, after the name was resolved: a name can't get around it. */
static curl_socket_t open_socket(void *userdata, curlsocktype purpose UNUSED,
				 struct curl_sockaddr *address)
{
	struct http_call *call = userdata;

	if (!call->may_connect(&address->addr, call->userdata)) {
		call->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char bare[64] = "";

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (host[0] == '[' && strlen(host) < sizeof(bare)) /* libcurl keeps the brackets */
		memcpy(bare, host + 1, strlen(host) - 2);
	return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* https, or http to this machine where that is allowed. */
static int check_url(const struct http_request *request)
{
	CLEANUP(curl_url_cleanupp) CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL;
	bool is_https, is_plain;

	if (!url || curl_url_set(url, CURLUPART_URL, request->url, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return fail(-EINVAL, "%s is not a URL: it must be like https://host:port/path",
			    request->url);
	is_https = strcmp(scheme, "https") == 0;
	is_plain = strcmp(scheme, "http") == 0;
	curl_free(scheme);
	if (is_https)
		return 0;
	if (is_plain && request->allow_plain &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		is_plain = is_loopback(host);
		curl_free(host);
		if (is_plain)
			return 0;
	}
	return fail(-EINVAL, "%s: only https is spoken: use an https:// URL", request->url);
}

/* The trust store of this system; the release binary runs on every distribution. */
static const char *system_bundle(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch */
		"/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
		"/etc/ssl/ca-bundle.pem",	      /* SUSE */
		"/etc/ssl/cert.pem",		      /* Alpine */
	};
	const char *from_env = getenv("SSL_CERT_FILE");
	size_t i;

	if (from_env && *from_env)
		return from_env;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (file_exists(places[i]))
			return places[i];
	}
	return NULL;
}

static int add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (!longer)
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	*headers = longer;
	return 0;
}

static int add_bearer(struct curl_slist **headers, const struct secret *token)
{
	static const char start[] = "Authorization: Bearer ";
	CLEANUP_SECRET struct secret line = SECRET_EMPTY;
	size_t i;
	int r;

	for (i = 0; i < token->len; i++) {
		if (token->data[i] <= ' ' || token->data[i] > '~')
			return fail(-EINVAL,
				    "the token has a character that no token has: copy it again");
	}
	r = secret_alloc(&line, strlen(start) + token->len);
	if (r < 0)
		return r;
	memcpy(line.data, start, strlen(start));
	memcpy(line.data + strlen(start), token->data, token->len);
	return add_header(headers, (const char *)line.data);
}

static int make_headers(const struct http_request *request, struct curl_slist **headers)
{
	CLEANUP_FREE char *type = NULL;
	int r;

	r = add_header(headers, "Expect:"); /* no waiting for "100 Continue" */
	if (r < 0)
		return r;
	r = text_format(&type, "Content-Type:%s%s", request->content_type ? " " : "",
			request->content_type ? request->content_type : "");
	if (r < 0)
		return r;
	r = add_header(headers, type); /* without a value: none is sent */
	if (r < 0)
		return r;
	return request->bearer ? add_bearer(headers, request->bearer) : 0;
}

static void set_body(CURL *curl, const struct http_request *request)
{
	if (!request->body && strcmp(request->method, "GET") == 0)
		return;
	if (strcmp(request->method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_trust(CURL *curl, const struct http_request *request)
{
	const char *bundle = request->ca_file ? request->ca_file : system_bundle();

	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* a distribution's libcurl adds its own */
	if (request->ca_text) {			      /* instead of any file */
		struct curl_blob blob = { .data = (void *)(uintptr_t)request->ca_text,
					  .len = strlen(request->ca_text),
					  .flags = CURL_BLOB_COPY };

		curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
	} else if (bundle) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
	}
}

static void set_rest(CURL *curl, const struct http_request *request)
{
	long connect = request->connect_timeout_s ? (long)request->connect_timeout_s
						  : DEFAULT_CONNECT_TIMEOUT_S;
	long all_ms = request->timeout_s ? request->timeout_s * 1000L : DEFAULT_TIMEOUT_S * 1000L;

	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
			 request->allow_plain ? "http,https" : "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "panocrypt/" PANOCRYPT_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
			 request->timeout_ms ? (long)request->timeout_ms : all_ms);
	/* Nobody's session or connection serves another request, which may trust another CA. */
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* waits for no resolver at the end */
}

/* What each of libcurl's failures means for people, and what to do. */
static const struct cause {
	CURLcode code;
	int r;
	const char *sentence;
} causes[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH,
	  "its name can't be resolved: check the name and this machine's DNS" },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED,
	  "no connection: check that the server runs, its port, and the firewalls between" },
	{ CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT,
	  "no answer in time: check the network and the firewalls between, then run again" },
	{ CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED,
	  "its certificate is not trusted or is for another name: check the CA file, the name, and "
	  "the clock" },
	{ CURLE_SSL_CACERT_BADFILE, -ENOKEY,
	  "the CA file can't be read: check its path and content" },
	{ CURLE_SSL_CONNECT_ERROR, -EPROTO,
	  "TLS failed: check that this is the server's https port" },
	{ CURLE_GOT_NOTHING, -EPROTO,
	  "it closed the connection without an answer: look at the server's log" },
	{ CURLE_WEIRD_SERVER_REPLY, -EPROTO, "it doesn't speak HTTP: check the URL's port" },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EPROTO, "it doesn't speak HTTP: check the URL's port" },
	{ CURLE_RECV_ERROR, -EIO,
	  "the connection broke while reading: check the network, then run again" },
	{ CURLE_SEND_ERROR, -EIO,
	  "the connection broke while sending: check the network, then run again" },
	{ CURLE_PARTIAL_FILE, -EIO, "the answer was cut off: check the network, then run again" },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM, "out of memory: free some memory and run again" },
};

static int explain(const struct http_call *call, CURLcode code)
{
	const char *detail = call->detail;
	size_t i;

	if (call->is_too_big)
		return fail(-E2BIG,
			    "%s: the answer is larger than %zu bytes: check that the URL is right",
			    call->url, call->max_bytes);
	if (call->is_refused)
		return fail(-EPERM, "%s: its address is one that must not be connected to",
			    call->url);
	for (i = 0; i < ARRAY_SIZE(causes); i++) {
		if (causes[i].code == code)
			return fail(causes[i].r, "%s: %s%s%s%s", call->url, causes[i].sentence,
				    *detail ? " (" : "", detail, *detail ? ")" : "");
	}
	return fail(-EIO, "%s: %s: check the URL and the network, then run again", call->url,
		    *detail ? detail : curl_easy_strerror(code));
}

int http_call_end(struct http_call *call, CURLcode code, struct http_answer *ret)
{
	struct http_answer answer = { 0 };
	const char *type = NULL;
	int r;

	if (code != CURLE_OK)
		return explain(call, code);
	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &answer.status);
	curl_easy_getinfo(call->curl, CURLINFO_CONTENT_TYPE, &type);
	snprintf(answer.content_type, sizeof(answer.content_type), "%s", type ? type : "");
	answer.body_len = call->body.len;
	r = strbuf_take(&call->body, &answer.body);
	if (r < 0)
		return r;
	*ret = answer;
	return 0;
}

int http_call_open(const struct http_request *request, struct http_call *ret)
{
	int r;

	*ret = HTTP_CALL_EMPTY;
	ret->max_bytes = request->answer_max_bytes ? request->answer_max_bytes
						   : DEFAULT_ANSWER_MAX_BYTES;
	ret->may_connect = request->may_connect;
	ret->userdata = request->userdata;
	r = check_url(request);
	if (r == 0)
		r = text_format(&ret->url, "%s", request->url);
	if (r == 0)
		r = make_headers(request, &ret->headers);
	if (r < 0)
		return r;
	ret->curl = curl_easy_init();
	if (!ret->curl)
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	set_rest(ret->curl, request);
	set_trust(ret->curl, request);
	set_body(ret->curl, request);
	curl_easy_setopt(ret->curl, CURLOPT_HTTPHEADER, ret->headers);
	curl_easy_setopt(ret->curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(ret->curl, CURLOPT_WRITEDATA, ret);
	curl_easy_setopt(ret->curl, CURLOPT_ERRORBUFFER, ret->detail);
	if (!ret->may_connect)
		return 0;
	curl_easy_setopt(ret->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(ret->curl, CURLOPT_OPENSOCKETDATA, ret);
	return 0;
}

static CURLcode perform(CURL *curl, const struct http_request *request)
{
	static const long families[] = {
		[HTTP_FAMILY_ANY] = CURL_IPRESOLVE_WHATEVER,
		[HTTP_FAMILY_V4] = CURL_IPRESOLVE_V4,
		[HTTP_FAMILY_V6] = CURL_IPRESOLVE_V6,
	};
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, families[request->family]);
	code = curl_easy_perform(curl);
	if (code != CURLE_COULDNT_RESOLVE_HOST || request->family != HTTP_FAMILY_ANY)
		return code;
	/* musl's resolver fails the whole look-up when one of A and AAAA is refused: ask one by
	 * one. */
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
	code = curl_easy_perform(curl);
	if (code != CURLE_COULDNT_RESOLVE_HOST)
		return code;
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V6);
	return curl_easy_perform(curl);
}

int http_exchange(const struct http_request *request, struct http_answer *ret)
{
	CLEANUP(http_call_close) struct http_call call = HTTP_CALL_EMPTY;
	int r = http_call_open(request, &call);

	return r < 0 ? r : http_call_end(&call, perform(call.curl, request), ret);
}

void http_answer_done(struct http_answer *answer)
{
	if (answer->body)
		secret_wipe(answer->body, answer->body_len);
	free(answer->body);
	*answer = (struct http_answer){ 0 };
}

/* A server's text for our terminal: cut, and without control characters. */
static void copy_printable(char *ret, size_t size, const char *text)
{
	size_t i;

	snprintf(ret, size, "%s", text);
	for (i = 0; ret[i]; i++) {
		if ((unsigned char)ret[i] < ' ' || ret[i] == 0x7f)
			ret[i] = ' ';
	}
}

int http_answer_check(const struct http_answer *answer, const char *what)
{
	CLEANUP_JSON json_t *problem = NULL;
	const char *title = NULL, *detail = NULL;
	char clean_title[128] = "", clean_detail[512] = "";
	int r = -EPROTO;

	if (answer->status >= 200 && answer->status < 300)
		return 0;
	if (answer->status == 401 || answer->status == 403)
		r = -EACCES;
	if (answer->status == 429 || answer->status == 503)
		r = -EAGAIN;
	if (answer->body &&
	    js_parse(answer->body, answer->body_len, JSON_TEXT_MAX, &problem) == 0 &&
	    js_string_or(problem, "title", "", &title) == 0 &&
	    js_string_or(problem, "detail", "", &detail) == 0) {
		copy_printable(clean_title, sizeof(clean_title), title);
		copy_printable(clean_detail, sizeof(clean_detail), detail);
	}
	if (!*clean_title && !*clean_detail)
		return fail(r, "%s: the server answered with status %ld: look at the server's log",
			    what, answer->status);
	return fail(r, "%s: %s%s%s (status %ld)", what, clean_title,
		    *clean_title && *clean_detail ? ": " : "", clean_detail, answer->status);
}
