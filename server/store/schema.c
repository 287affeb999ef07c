/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts the schema files into the program as they are, by the assembler, so that there is one copy
 * of them, readable as SQL. Paths are relative to the repository's root, where the compiler runs.
 */
#include "server/store/schema.h"

#define EMBED(name, path)                                                                          \
	__asm__(".section .rodata\n" #name ":\n.incbin \"" path "\"\n.byte 0\n.previous\n");       \
	extern const char name[]

/* One line a file here, and one in the list. */
EMBED(schema_001, "server/store/schema/001-begin.sql");
EMBED(schema_002, "server/store/schema/002-policy.sql");
EMBED(schema_003, "server/store/schema/003-keys.sql");
EMBED(schema_004, "server/store/schema/004-authorizer.sql");
EMBED(schema_005, "server/store/schema/005-proposals.sql");
EMBED(schema_006, "server/store/schema/006-reboots.sql");
EMBED(schema_007, "server/store/schema/007-change-delay.sql");
EMBED(schema_008, "server/store/schema/008-enrollment-limits.sql");
EMBED(schema_009, "server/store/schema/009-needs-rules.sql");

const char *const schema_files[] = {
	schema_001, schema_002, schema_003, schema_004, schema_005,
	schema_006, schema_007, schema_008, schema_009,
};
const size_t schema_count = ARRAY_SIZE(schema_files);
