/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See compat.h: the options, and who gets a stream: standard input, or each connection to a port of
 * loopback, in a child of its own that dies with us.
 */
#include "server/compat/compat.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "server/compat/stream.h"
#include "server/edge/edge.h"
#include "server/verbs.h"

#define DEFAULT_PORT 9090 /* tangd's */
#define CHILDREN_MAX 64

struct compat_options {
	uint64_t port;
	const char *endpoint;
	bool listen, help;
};

#define FIELD(name) offsetof(struct compat_options, name)

static const struct option_row rows[] = {
	{ "l", NULL, OPTION_FLAG, FIELD(listen), NULL,
	  "listen on loopback instead of serving standard input" },
	{ "listen", NULL, OPTION_FLAG, FIELD(listen), NULL, NULL },
	{ "p", NULL, OPTION_NUMBER, FIELD(port), "PORT", "the port (default: 9090)" },
	{ "port", NULL, OPTION_NUMBER, FIELD(port), "PORT", NULL },
	{ "e", NULL, OPTION_TEXT, FIELD(endpoint), "PATH",
	  "what stands before /adv and /rec (default: nothing)" },
	{ "endpoint", NULL, OPTION_TEXT, FIELD(endpoint), "PATH", NULL },
	{ "help", NULL, OPTION_FLAG, FIELD(help), NULL, "print this and exit" },
};

static int open_listener(uint16_t port, int *ret)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return fail(-errno, "can't make a socket: %m");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, SOMAXCONN))
		return fail(-errno, "can't listen on port %u of loopback: %m", port);
	*ret = TAKE_FD(fd);
	return 0;
}

static _Noreturn void serve_child(const struct compat *compat, int fd)
{
	const struct timeval patience = { .tv_sec = EDGE_WRITE_S };
	int r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		_exit(EXIT_FAILED);
	r = compat_stream(compat, fd, fd);
	if (r < 0)
		log_failure(r);
	_exit(r < 0 ? EXIT_FAILED : EXIT_DONE);
}

/* Collects the children that have ended; with as many as there may be, waits for one. */
static void collect(unsigned *children)
{
	while (*children > 0 && waitpid(-1, NULL, *children >= CHILDREN_MAX ? 0 : WNOHANG) > 0)
		(*children)--;
}

static int serve_port(const struct compat *compat, uint16_t port)
{
	CLEANUP_CLOSE int listener = -1;
	unsigned children = 0;
	int r = open_listener(port, &listener);

	while (r == 0) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		CLEANUP_CLOSE int fd = accept4(listener, (struct sockaddr *)&peer, &len,
					       SOCK_CLOEXEC);
		pid_t pid;

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return fail(-errno, "can't accept: %m");
		if (fd < 0)
			continue;
		pid = fork();
		if (pid == 0)
			serve_child(compat, fd);
		if (pid < 0)
			log_warning("a client was turned away: %m");
		children += pid > 0;
		collect(&children);
	}
	return r;
}

static int run(const struct compat_options *options, const char *dir)
{
	CLEANUP(exchange_closep) struct exchange *exchange = NULL;
	CLEANUP_FREE char *endpoint = NULL;
	struct compat compat = { .dir = dir };
	const char *words = options->endpoint;
	size_t len;
	int r;

	words += strspn(words, "/");
	len = strlen(words);
	while (len > 0 && words[len - 1] == '/')
		len--;
	r = text_format(&endpoint, "%.*s", (int)len, words);
	if (r == 0)
		r = secret_guard_process();
	if (r == 0)
		r = exchange_lock_memory();
	if (r == 0)
		r = exchange_open(&exchange);
	if (r < 0)
		return r;
	compat.endpoint = endpoint;
	compat.exchange = exchange;
	signal(SIGPIPE, SIG_IGN);
	return options->listen ? serve_port(&compat, (uint16_t)options->port)
			       : compat_stream(&compat, STDIN_FILENO, STDOUT_FILENO);
}

static int print_help(void)
{
	CLEANUP_FREE char *text = NULL;
	int r = options_usage(rows, ARRAY_SIZE(rows), &text);

	if (r < 0)
		return r;
	printf("usage: panocryptd compat [options] FOLDER\n\n"
	       "Answers as tangd does from a folder of its keys: one client on standard input, or "
	       "with -l\nall on a port of loopback. For tests: it knows no device, policy or "
	       "audit.\n\n%s",
	       text);
	return 0;
}

int compat_main(int argc, char **argv)
{
	struct compat_options options = { .port = DEFAULT_PORT, .endpoint = "" };
	int first, r;

	r = options_parse(rows, ARRAY_SIZE(rows), &options, argc, argv, &first);
	if (r == 0 && !options.help && argc - first != 1)
		r = fail(-EINVAL, "the folder of keys must be named, once");
	if (r == 0 && (options.port == 0 || options.port > 65535))
		r = fail(-EINVAL, "--port must be from 1 to 65535");
	if (r < 0) {
		log_failure(r);
		return EXIT_USAGE;
	}
	r = options.help ? print_help() : run(&options, argv[first]);
	if (r < 0)
		log_failure(r);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
