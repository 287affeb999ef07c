/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One exchange with a server of one connection, a thread here on loopback that answers with fixed
 * bytes. TLS is tested against openssl by tests/wire/https.sh.
 */
#include "common/http_client.h"

#include "common/cleanup.h"
#include "common/http_client_many.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

struct server {
	pthread_t thread;
	int fd;
	char url[64];
	const char *answer; /* NULL: says nothing until the client goes */
	char request[4096];
};

static void *serve(void *userdata)
{
	struct server *server = userdata;
	CLEANUP_CLOSE int fd = accept(server->fd, NULL, NULL);
	size_t have = 0;
	ssize_t n = 1;

	while (n > 0 && (!server->answer || !strstr(server->request, "\r\n\r\n"))) {
		n = read(fd, server->request + have, sizeof(server->request) - 1 - have);
		have += n > 0 ? (size_t)n : 0;
	}
	if (server->answer && send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL) < 0)
		perror("send");
	return NULL;
}

static void server_start(struct server *server, const char *answer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	memset(server, 0, sizeof(*server));
	server->answer = answer;
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server->fd, 1), 0);
	getsockname(server->fd, (struct sockaddr *)&address, &len);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d/path",
		 ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	pthread_join(server->thread, NULL);
	close(server->fd);
}

/* One exchange with a server that answers so. */
static int exchange(struct server *server, struct http_request *request, const char *answer,
		    struct http_answer *ret)
{
	int r;

	server_start(server, answer);
	request->url = server->url;
	request->allow_plain = true;
	if (!request->method)
		request->method = "GET";
	r = http_exchange(request, ret);
	server_stop(server);
	return r;
}

static void gets_an_answer(void **state)
{
	CLEANUP(http_answer_done) struct http_answer answer = { 0 };
	struct http_request request = { .method = "GET" };
	struct server server;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1/", 1); /* must not be used */
	assert_ok(exchange(&server, &request,
			   "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\nhi",
			   &answer));
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "hi");
	assert_int_equal(answer.body_len, 2);
	assert_string_equal(answer.content_type, "text/x");
	assert_ptr_equal(strstr(server.request, "GET /path HTTP/1.1\r\n"), server.request);
	assert_null(strstr(server.request, "Authorization"));
	assert_null(strstr(server.request, "Content-Type"));
	assert_ok(http_answer_check(&answer, "asking"));
}

static void sends_body_and_token(void **state)
{
	CLEANUP(http_answer_done) struct http_answer answer = { 0 };
	CLEANUP_SECRET struct secret token = SECRET_EMPTY;
	struct http_request request = { .method = "POST",
					.body = "{}",
					.body_len = 2,
					.content_type = "application/json",
					.bearer = &token };
	struct server server;

	(void)state;
	assert_ok(secret_copy(&token, "abc.DEF-1", 9));
	assert_ok(exchange(&server, &request, "HTTP/1.1 204 No Content\r\n\r\n", &answer));
	assert_int_equal(answer.status, 204);
	assert_string_equal(answer.body, "");
	assert_non_null(strstr(server.request, "POST /path"));
	assert_non_null(strstr(server.request, "Authorization: Bearer abc.DEF-1\r\n"));
	assert_non_null(strstr(server.request, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(server.request, "Content-Length: 2\r\n"));
	assert_null(strstr(server.request, "Expect"));
	secret_done(&token);
	assert_ok(secret_copy(&token, "abc\r\nX: y", 9));
	request.url = "http://127.0.0.1:1/";
	assert_int_equal(http_exchange(&request, &answer), -EINVAL);
	assert_said("token");
}

static void follows_no_redirect(void **state)
{
	CLEANUP(http_answer_done) struct http_answer answer = { 0 };
	struct http_request request = { 0 };
	struct server server;

	(void)state;
	assert_ok(exchange(
		&server, &request,
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		&answer));
	assert_int_equal(answer.status, 302);
	assert_int_equal(http_answer_check(&answer, "asking"), -EPROTO);
	assert_said("asking: the server answered with status 302");
}

static void caps_the_answer(void **state)
{
	struct http_answer answer = { 0 };
	struct http_request request = { .answer_max_bytes = 4 };
	struct server server;

	(void)state;
	assert_int_equal(exchange(&server, &request, "HTTP/1.1 200 OK\r\n\r\n12345", &answer),
			 -E2BIG);
	assert_said("larger than 4 bytes");
	assert_null(answer.body);
	assert_ok(exchange(&server, &request, "HTTP/1.1 200 OK\r\n\r\n1234", &answer));
	http_answer_done(&answer);
}

static void names_what_went_wrong(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *said;
	} rows[] = {
		{ "", -EPROTO, "without an answer" },
		{ "garbage that is no HTTP at all\r\n\r\n", -EPROTO, "doesn't speak HTTP" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhi", -EIO, "cut off" },
		{ NULL, -ETIMEDOUT, "no answer in time" },
	};
	struct http_answer answer = { 0 };
	struct http_request request = { .timeout_s = 1 };
	struct server server;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(exchange(&server, &request, rows[i].answer, &answer), rows[i].r);
		assert_said(rows[i].said);
		assert_said(server.url);
		assert_null(answer.body);
	}
	request.url = "http://127.0.0.1:1/";
	assert_int_equal(http_exchange(&request, &answer), -ECONNREFUSED);
	assert_said("firewall");
	request.url = "https://name.invalid/";
	assert_int_equal(http_exchange(&request, &answer), -EHOSTUNREACH);
	assert_said("can't be resolved");
}

static void speaks_https_only(void **state)
{
	static const struct {
		const char *url;
		bool allow_plain;
	} rows[] = {
		{ "http://127.0.0.1:1/", false },
		{ "http://192.0.2.1/", true },
		{ "http://example.com/", true },
		{ "http://127.0.0.1.evil/", true },
		{ "ftp://127.0.0.1/", true },
		{ "file:///etc/passwd", true },
		{ "127.0.0.1", true },
		{ "", true },
	};
	struct http_answer answer = { 0 };
	struct http_request request = { .method = "GET" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		request.url = rows[i].url;
		request.allow_plain = rows[i].allow_plain;
		if (http_exchange(&request, &answer) != -EINVAL)
			fail_msg("accepted: %s", rows[i].url);
	}
	request.allow_plain = true;
	request.url = "http://[::1]:1/";
	assert_int_not_equal(http_exchange(&request, &answer), -EINVAL);
	request.url = "http://localhost:1/";
	assert_int_not_equal(http_exchange(&request, &answer), -EINVAL);
}

static void reads_problems(void **state)
{
	static const struct {
		long status;
		const char *body;
		int r;
		const char *text;
	} rows[] = {
		{ 200, "", 0, "" },
		{ 204, "", 0, "" },
		{ 403, "{\"title\":\"Expired\",\"detail\":\"make a new key\"}", -EACCES,
		  "redeeming: Expired: make a new key (status 403)" },
		{ 401, "{\"title\":\"No such key\"}", -EACCES,
		  "redeeming: No such key (status 401)" },
		{ 409, "{\"detail\":\"clone?\\u001b[2J\"}", -EPROTO,
		  "redeeming: clone? [2J (status 409)" },
		{ 429, "", -EAGAIN,
		  "redeeming: the server answered with status 429: look at the server's log" },
		{ 503, "<html>", -EAGAIN,
		  "redeeming: the server answered with status 503: look at the server's log" },
		{ 500, "{\"title\":7}", -EPROTO,
		  "redeeming: the server answered with status 500: look at the server's log" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_answer answer = { .status = rows[i].status,
					      .body = (char *)(uintptr_t)rows[i].body,
					      .body_len = strlen(rows[i].body) };

		fail_clear();
		assert_int_equal(http_answer_check(&answer, "redeeming"), rows[i].r);
		assert_string_equal(fail_text(), rows[i].text);
	}
}

static bool allows_nothing(const struct sockaddr *address, void *userdata)
{
	(*(int *)userdata)++;
	assert_int_equal(address->sa_family, AF_INET);
	return false;
}

static bool allows_all(const struct sockaddr *address UNUSED, void *userdata)
{
	(*(int *)userdata)++;
	return true;
}

/* The address that a name leads to is asked about, not the name. */
static void asks_before_it_connects(void **state)
{
	CLEANUP(http_answer_done) struct http_answer answer = { 0 };
	int asked = 0;
	struct http_request request = { .method = "GET",
					.url = "http://127.0.0.1:1/",
					.allow_plain = true,
					.may_connect = allows_nothing,
					.userdata = &asked };
	struct server server;

	(void)state;
	assert_int_equal(http_exchange(&request, &answer), -EPERM);
	assert_int_equal(asked, 1);
	request.may_connect = allows_all;
	assert_ok(exchange(&server, &request, "HTTP/1.1 204 No Content\r\n\r\n", &answer));
	assert_int_equal(answer.status, 204);
	assert_int_equal(asked, 2);
}

/* Each ends by itself: the quick ones while the silent one waits for its limit. */
static void makes_many_at_once(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", NULL,
		"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nthree",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntoo large"
	};
	static const int wanted[] = { 0, -ETIMEDOUT, 0, -E2BIG };
	CLEANUP(http_many_closep) struct http_many *many = NULL;
	struct server servers[ARRAY_SIZE(answers)];
	size_t ended = 0;
	uint64_t last = 0;

	(void)state;
	assert_ok(http_many_open(&many));
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct http_request request = { .method = "POST",
						.url = servers[i].url,
						.body = "hello",
						.body_len = 5,
						.timeout_ms = 2000,
						.answer_max_bytes = 8,
						.allow_plain = true };

		server_start(&servers[i], answers[i]);
		assert_ok(http_many_start(many, &request, i));
	}
	while (ended < ARRAY_SIZE(answers)) {
		struct http_end end;

		assert_ok(http_many_wait(many, NULL, 0, 1000));
		while (http_many_next(many, &end)) {
			last = end.tag;
			assert_int_equal(end.r, wanted[end.tag]);
			if (end.tag == 0)
				assert_string_equal(end.answer.body, "one");
			if (end.tag == 2)
				assert_int_equal(end.answer.status, 500);
			http_answer_done(&end.answer);
			ended++;
		}
	}
	assert_int_equal(last, 1);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		server_stop(&servers[i]);
}

/* A request that can't be made is no reason to end the others; and closing drops what is left. */
static void drops_what_is_under_way(void **state)
{
	CLEANUP(http_many_closep) struct http_many *many = NULL;
	struct http_request request = { .method = "GET", .url = "ftp://127.0.0.1/" };
	struct server server;
	struct http_end end;

	(void)state;
	assert_ok(http_many_open(&many));
	assert_int_equal(http_many_start(many, &request, 1), -EINVAL);
	server_start(&server, NULL);
	request.url = server.url;
	request.allow_plain = true;
	assert_ok(http_many_start(many, &request, 2));
	assert_ok(http_many_wait(many, NULL, 0, 50));
	assert_false(http_many_next(many, &end));
	http_many_close(many);
	many = NULL;
	server_stop(&server); /* which ends, since its client is gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_an_answer),	 cmocka_unit_test(sends_body_and_token),
		cmocka_unit_test(follows_no_redirect),	 cmocka_unit_test(caps_the_answer),
		cmocka_unit_test(names_what_went_wrong), cmocka_unit_test(speaks_https_only),
		cmocka_unit_test(reads_problems),	 cmocka_unit_test(asks_before_it_connects),
		cmocka_unit_test(makes_many_at_once),	 cmocka_unit_test(drops_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
