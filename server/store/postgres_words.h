/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the words that both back ends share (docs/store.md) to PostgreSQL's. Pure; knows no library.
 */
#pragma once

#include "common/base.h"

/* A schema file. The caller frees it. */
int postgres_schema(const char *sql, char **ret) MUST_CHECK;

/* A statement. *ret_counts: it is an INSERT … VALUES made to change nothing where it would break a
 * uniqueness rule, so that the transaction goes on: no row changed means a conflict. */
int postgres_statement(const char *sql, char **ret, bool *ret_counts) MUST_CHECK;
