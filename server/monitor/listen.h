/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening and accepted sockets of the monitor. Never reads a byte from a client.
 */
#pragma once

#include "server/config.h"
#include "server/message.h"

/* A non-blocking listening socket; the caller closes it. "::" takes both families. */
int listen_open(const struct config_listen *where, int *ret) MUST_CHECK;

/* Outcomes of listen_accept() besides 0. */
enum { LISTEN_NOTHING = 1, LISTEN_EXHAUSTED = 2 };

/* One connection and whose it is. LISTEN_NOTHING: none waits. LISTEN_EXHAUSTED: no descriptors or
 * memory left, try later. */
int listen_accept(int listener, int *ret_fd, struct source_address *ret) MUST_CHECK;
