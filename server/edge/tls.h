/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS for front and admin: one OpenSSL context from our leaf, and a libevent buffer over an
 * accepted socket. TLS 1.2 and 1.3, X25519 and P-256, no tickets, no sessions, no renegotiation:
 * boot clients never resume. Reads its two files once, before the sandbox.
 */
#pragma once

#include "common/base.h"

struct bufferevent;
struct event_base;
struct ssl_ctx_st;

int tls_load(const char *chain_path, const char *key_path, struct ssl_ctx_st **ret) MUST_CHECK;

/* The same of one file, certificates first, then the key; read from its beginning and closed, also
 * on failure. For a leaf that was renewed: connections that are open keep the old one. */
int tls_load_file(int fd, struct ssl_ctx_st **ret) MUST_CHECK;
void tls_unload(struct ssl_ctx_st *context);

/* Takes the connected socket (also on failure) and begins the server's side of the handshake.
 * The buffer closes the socket when it is freed. */
int tls_accept(struct ssl_ctx_st *context, struct event_base *base, int fd,
	       struct bufferevent **ret) MUST_CHECK;

/* Says goodbye (close_notify) without waiting for the other's. */
void tls_finish(struct bufferevent *buffer);
