/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's side of view.c: the filter that a child puts on itself, and the descriptor through
 * which its parent hears of each call.
 */
#pragma once

#include "common/base.h"

/* In the child: from here on its calls that could touch a device wait for an answer. Sends the
 * listening descriptor through the socket. */
int view_filter_enter(int socket) MUST_CHECK;

/* In the parent: takes that descriptor. */
int view_filter_receive(int socket, int *ret_fd) MUST_CHECK;
