/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The caps and getters over jansson. js_parse() is fed with bytes from strangers: it keeps no
 * state, and what it says about an error never repeats what was in the text (there may be a secret
 * in it).
 */
#include "common/json.h"

#include "common/err.h"
#include "common/file.h"

#include <string.h>

#define JSON_DEPTH_MAX 32

/* jansson allows 2048 levels and recurses; ours are flat. Brackets inside of strings don't count.
 */
static bool is_too_deep(const char *text, size_t len)
{
	bool in_string = false;
	size_t depth = 0, i;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
			return true;
		else if (!in_string && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

int js_parse(const char *text, size_t len, size_t max_bytes, json_t **ret)
{
	json_error_t error;
	json_t *value;
	char *near;

	if (len > max_bytes)
		return fail(-E2BIG, "JSON of %zu bytes is larger than %zu", len, max_bytes);
	if (is_too_deep(text, len))
		return fail(-EINVAL, "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!value) {
		near = strstr(error.text, " near ");
		if (near)
			*near = '\0';
		return fail(-EINVAL, "JSON, line %d, column %d: %s", error.line, error.column,
			    error.text);
	}
	*ret = value;
	return 0;
}

int js_read_file(const char *path, size_t max_bytes, json_t **ret)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	r = file_read(path, max_bytes, &text, &len);
	if (r < 0)
		return r;
	r = js_parse(text, len, max_bytes, ret);
	if (r < 0)
		return fail_at(r, "%s", path);
	return 0;
}

static int print(const json_t *value, size_t flags, char **ret)
{
	char *text = json_dumps(value, flags | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (!text)
		return fail(-ENOMEM,
			    "JSON can't be written: out of memory, or a value of no JSON type");
	*ret = text;
	return 0;
}

int js_print(const json_t *value, char **ret)
{
	return print(value, JSON_COMPACT, ret);
}

int js_print_pretty(const json_t *value, char **ret)
{
	CLEANUP_FREE char *text = NULL;
	char *line;
	size_t len;
	int r;

	r = print(value, JSON_INDENT(2), &text);
	if (r < 0)
		return r;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (!line)
		return fail(-ENOMEM, "out of memory: free some memory and run again");
	text = NULL;
	memcpy(line + len, "\n", 2);
	*ret = line;
	return 0;
}

/* The member, NULL when missing or null. */
static json_t *member(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static int wrong(const json_t *value, const char *name, const char *must_be)
{
	if (!value)
		return fail(-EINVAL, "member \"%s\" is missing", name);
	return fail(-EINVAL, "member \"%s\" must be %s", name, must_be);
}

int js_string(const json_t *object, const char *name, const char **ret)
{
	json_t *value = member(object, name);

	if (!json_is_string(value))
		return wrong(value, name, "a string");
	*ret = json_string_value(value);
	return 0;
}

int js_u64(const json_t *object, const char *name, uint64_t *ret)
{
	json_t *value = member(object, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong(value, name, "a whole number, not negative");
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

int js_bool(const json_t *object, const char *name, bool *ret)
{
	json_t *value = member(object, name);

	if (!json_is_boolean(value))
		return wrong(value, name, "true or false");
	*ret = json_is_true(value);
	return 0;
}

int js_object(const json_t *object, const char *name, json_t **ret_borrowed)
{
	json_t *value = member(object, name);

	if (!json_is_object(value))
		return wrong(value, name, "an object");
	*ret_borrowed = value;
	return 0;
}

int js_array(const json_t *object, const char *name, json_t **ret_borrowed)
{
	json_t *value = member(object, name);

	if (!json_is_array(value))
		return wrong(value, name, "an array");
	*ret_borrowed = value;
	return 0;
}

int js_string_or(const json_t *object, const char *name, const char *fallback, const char **ret)
{
	if (member(object, name))
		return js_string(object, name, ret);
	*ret = fallback;
	return 0;
}

int js_u64_or(const json_t *object, const char *name, uint64_t fallback, uint64_t *ret)
{
	if (member(object, name))
		return js_u64(object, name, ret);
	*ret = fallback;
	return 0;
}

int js_bool_or(const json_t *object, const char *name, bool fallback, bool *ret)
{
	if (member(object, name))
		return js_bool(object, name, ret);
	*ret = fallback;
	return 0;
}

int js_copy(const json_t *object, const char *name, char *ret, size_t size)
{
	const char *text;
	int r;

	r = js_string(object, name, &text);
	if (r < 0)
		return r;
	if (strlen(text) >= size)
		return fail(-EINVAL, "member \"%s\" is longer than %zu bytes", name, size - 1);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}
