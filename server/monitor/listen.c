/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See listen.h.
 */
#include "server/monitor/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int read_address(const struct config_listen *where, union any_address *ret,
			socklen_t *ret_len)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, where->host, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(where->port);
		*ret_len = sizeof(ret->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, where->host, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(where->port);
		*ret_len = sizeof(ret->v6);
		return 0;
	}
	return fail(-EINVAL, "\"%s\" isn't an address to listen on", where->host);
}

int listen_open(const struct config_listen *where, int *ret)
{
	union any_address address;
	CLEANUP_CLOSE int fd = -1;
	socklen_t len = 0;
	int on = 1, off = 0;
	int r;

	r = read_address(where, &address, &len);
	if (r < 0)
		return r;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, "can't make a socket: %m");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &address.any, len) || listen(fd, SOMAXCONN))
		return fail(-errno, "can't listen on %s port %u: %m; is another server running?",
			    where->host, where->port);
	*ret = TAKE_FD(fd);
	return 0;
}

static void read_source(const union any_address *peer, struct source_address *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(ret, 0, sizeof(*ret));
	if (peer->any.sa_family == AF_INET6) {
		memcpy(ret->bytes, &peer->v6.sin6_addr, 16);
		ret->port = ntohs(peer->v6.sin6_port);
		return;
	}
	memcpy(ret->bytes, mapped, sizeof(mapped));
	memcpy(ret->bytes + 12, &peer->v4.sin_addr, 4);
	ret->port = ntohs(peer->v4.sin_port);
}

int listen_accept(int listener, int *ret_fd, struct source_address *ret)
{
	union any_address peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(listener, &peer.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		read_source(&peer, ret);
		*ret_fd = fd;
		return 0;
	}
	switch (errno) {
	case EAGAIN: return LISTEN_NOTHING;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM: return LISTEN_EXHAUSTED;
	case EBADF:
	case EINVAL:
	case ENOTSOCK: return fail(-errno, "can't accept: %m");
	default: return LISTEN_NOTHING; /* the client has gone again */
	}
}
