/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One client of the compat mode, from its first byte to its last: blocking, with deadlines.
 */
#pragma once

#include "server/compat/answer.h"

/* Answers requests read from in on out (the same socket, or a pair of pipes) until the client has
 * ended or is to be let go. 0, also when the client misbehaves. */
int compat_stream(const struct compat *compat, int in, int out) MUST_CHECK;
