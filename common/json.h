/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jansson with our caps: duplicate keys refused, sizes and depth capped, getters that name the
 * member that was wrong. The getters read a member of an object; the returned strings belong to the
 * object.
 */
#pragma once

#include "common/base.h"
#include "common/cleanup.h"

#include <jansson.h>

#define JSON_TEXT_MAX (64 * KIB)

#define CLEANUP_JSON CLEANUP(json_decrefp) /* jansson brings this function for GCC and clang */

/* Parses one JSON object or array; trailing white space is allowed, anything else behind it is not.
 * -EINVAL with a sentence naming the position; -E2BIG above max_bytes. The caller owns *ret. */
int js_parse(const char *text, size_t len, size_t max_bytes, json_t **ret) MUST_CHECK;

/* js_parse() of a whole file. */
int js_read_file(const char *path, size_t max_bytes, json_t **ret) MUST_CHECK;

/* Compact text with sorted keys; the caller frees it. */
int js_print(const json_t *value, char **ret) MUST_CHECK;

/* js_print() with indentation and a newline at the end, for files and --json output. */
int js_print_pretty(const json_t *value, char **ret) MUST_CHECK;

/* Required members: -EINVAL with "member \"x\" is missing / must be a string…". */
int js_string(const json_t *object, const char *name, const char **ret) MUST_CHECK;
int js_u64(const json_t *object, const char *name, uint64_t *ret) MUST_CHECK;
int js_bool(const json_t *object, const char *name, bool *ret) MUST_CHECK;
int js_object(const json_t *object, const char *name, json_t **ret_borrowed) MUST_CHECK;
int js_array(const json_t *object, const char *name, json_t **ret_borrowed) MUST_CHECK;

/* Optional members: the fallback when missing or null; -EINVAL when of another type. */
int js_string_or(const json_t *object, const char *name, const char *fallback,
		 const char **ret) MUST_CHECK;
int js_u64_or(const json_t *object, const char *name, uint64_t fallback, uint64_t *ret) MUST_CHECK;
int js_bool_or(const json_t *object, const char *name, bool fallback, bool *ret) MUST_CHECK;

/* Copies a required string member into a fixed buffer; -EINVAL when it doesn't fit. */
int js_copy(const json_t *object, const char *name, char *ret, size_t size) MUST_CHECK;
