/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The schema files (server/store/schema/NNN-*.sql) inside the program, in the order of their
 * application: one text for both back ends, in the words of schema/README.md. A released file is
 * never changed: changes are a new file.
 */
#pragma once

#include "common/base.h"

extern const char *const schema_files[];
extern const size_t schema_count;
