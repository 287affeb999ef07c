/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors of /v1 as RFC 9457 problems. One table has every code with its status and title; the
 * detail is the sentence of the moment and ends with what to do next.
 */
#pragma once

#include "common/base.h"

struct connection;

/* Answers with the problem of this code. An unknown code is told as "internal". */
void problem_answer(struct connection *connection, const char *code, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The code for a refusal of the HTTP layer (400, 413, …). */
const char *problem_of_status(int status);

/* True for codes of the table. */
bool problem_is_known(const char *code);
