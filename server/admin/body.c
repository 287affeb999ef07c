/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See call.h: the members of bodies that several routes share.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "server/admin/call.h"

int body_only(const json_t *body, const char *const *names)
{
	/* jansson's iteration takes a non-const object, but doesn't change it. */
	json_t *object = (json_t *)(uintptr_t)body;
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		const char *const *name = names;

		while (*name && strcmp(*name, key) != 0)
			name++;
		if (!*name)
			return fail(-EINVAL, "member \"%.40s\" is unknown: remove it", key);
	}
	return 0;
}

/* Texts end up in terminals and mails. */
static bool is_plain_text(const char *text)
{
	for (; *text; text++) {
		if ((uint8_t)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

int body_text(const json_t *body, const char *name, size_t max_bytes, const char **ret)
{
	const char *text;
	int r;

	r = js_string_or(body, name, "", &text);
	if (r < 0)
		return r;
	if (strlen(text) > max_bytes)
		return fail(-EINVAL, "member \"%s\" is longer than %zu bytes", name, max_bytes);
	if (!is_plain_text(text))
		return fail(-EINVAL, "member \"%s\" has control characters", name);
	*ret = text;
	return 0;
}

static int print_into(const json_t *value, const char *name, char *ret, size_t size)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	r = js_print(value, &text);
	if (r < 0)
		return r;
	if (strlen(text) >= size)
		return fail(-EINVAL, "member \"%s\" is too long: fewer or shorter items", name);
	strcpy(ret, text);
	return 0;
}

static int array_or_none(const json_t *body, const char *name, json_t **ret)
{
	json_t *array = json_object_get(body, name);

	if (array && !json_is_null(array) && !json_is_array(array))
		return fail(-EINVAL, "member \"%s\" must be an array", name);
	*ret = json_is_array(array) ? array : NULL;
	return 0;
}

int body_tags(const json_t *body, char *ret, size_t size)
{
	json_t *array, *item;
	size_t i;
	int r;

	r = array_or_none(body, "tags", &array);
	if (r < 0)
		return r;
	if (json_array_size(array) > TAGS_MAX)
		return fail(-EINVAL, "member \"tags\" has more than %d items", TAGS_MAX);
	json_array_foreach (array, i, item) {
		const char *text = json_string_value(item);

		if (!text || !text[0] || strlen(text) > TAG_MAX_BYTES || !is_plain_text(text))
			return fail(-EINVAL,
				    "member \"tags\": item %zu must be a text of 1 to %d bytes", i,
				    TAG_MAX_BYTES);
	}
	if (!array) {
		snprintf(ret, size, "[]");
		return 0;
	}
	return print_into(array, "tags", ret, size);
}

int body_texts(const json_t *body, const char *name, size_t most, char *ret, size_t size)
{
	json_t *array, *item;
	size_t i;
	int r;

	r = array_or_none(body, name, &array);
	if (r < 0)
		return r;
	if (json_array_size(array) > most)
		return fail(-EINVAL, "member \"%s\" has more than %zu items", name, most);
	json_array_foreach (array, i, item)
		if (!json_is_string(item) || !is_plain_text(json_string_value(item)))
			return fail(-EINVAL, "member \"%s\": item %zu must be a plain text", name,
				    i);
	if (!array) {
		snprintf(ret, size, "[]");
		return 0;
	}
	return print_into(array, name, ret, size);
}

int body_ranges(const json_t *body, const char *name, char *ret, size_t size)
{
	CLEANUP_JSON json_t *normal = json_array();
	json_t *array, *item;
	size_t i;
	int r;

	r = array_or_none(body, name, &array);
	if (r < 0)
		return r;
	if (json_array_size(array) > CIDR_LIST_MAX)
		return fail(-EINVAL, "member \"%s\" has more than %d items", name, CIDR_LIST_MAX);
	json_array_foreach (array, i, item) {
		char text[CIDR_TEXT_SIZE];
		struct cidr range;

		if (!json_is_string(item))
			return fail(-EINVAL, "member \"%s\": item %zu must be a text", name, i);
		r = cidr_parse(json_string_value(item), &range);
		if (r < 0)
			return fail_at(-EINVAL, "member \"%s\"", name);
		cidr_print(&range, text);
		if (json_array_append_new(normal, json_string(text)))
			return fail(-ENOMEM, "out of memory");
	}
	return print_into(normal, name, ret, size);
}

int body_number(const json_t *body, const char *name, uint64_t fallback, uint64_t least,
		uint64_t most, uint64_t *ret)
{
	uint64_t number;
	int r = js_u64_or(body, name, fallback, &number);

	if (r < 0)
		return r;
	if (number < least || number > most)
		return fail(-EINVAL, "member \"%s\" must be %llu to %llu", name,
			    (unsigned long long)least, (unsigned long long)most);
	*ret = number;
	return 0;
}

/* As a word of a path, without what JSON would escape; "none" is what people say for no list. */
bool is_list_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";
	size_t len = strlen(text);

	return len >= 1 && len < CALL_WORD_SIZE && strspn(text, allowed) == len &&
	       strcmp(text, "none") != 0;
}

static bool is_among(const json_t *list, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

int body_list_names(const json_t *body, char *ret, size_t size)
{
	json_t *array, *item;
	size_t i;
	int r;

	r = array_or_none(body, "network_lists", &array);
	if (r < 0)
		return r;
	if (json_array_size(array) > CIDR_NETWORKS_MAX)
		return fail(-EINVAL, "member \"network_lists\" has more than %d items",
			    CIDR_NETWORKS_MAX);
	json_array_foreach (array, i, item) {
		const char *text = json_string_value(item);

		if (!text || !is_list_name(text))
			return fail(-EINVAL, "member \"network_lists\": item %zu isn't a name", i);
		if (is_among(array, text, i))
			return fail(-EINVAL, "member \"network_lists\": item %zu comes twice", i);
	}
	if (!array) {
		snprintf(ret, size, "[]");
		return 0;
	}
	return print_into(array, "network_lists", ret, size);
}

int body_approval(const json_t *body, const char **ret)
{
	static const char *const words[] = { "none", "active", "always" };
	const char *word;
	int r = js_string_or(body, "approval", "none", &word);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], word) == 0) {
			*ret = words[i];
			return 0;
		}
	}
	return r < 0 ? r : fail(-EINVAL, "member \"approval\" must be none, active or always");
}
