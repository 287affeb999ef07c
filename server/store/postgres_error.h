/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a failure that PostgreSQL reports means for us. Pure; knows no library.
 */
#pragma once

#include "common/base.h"

/* state: the five characters of SQLSTATE; message: PostgreSQL's own first line. Returns a negative
 * errno with a sentence, or DB_CONFLICT. */
int postgres_error(const char *state, const char *message) MUST_CHECK;
