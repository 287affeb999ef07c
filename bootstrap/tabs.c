/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See tabs.h. Both files are lines of fields separated by blanks; '#' starts a comment line. A
 * field never needs unescaping here: mount points and names of ours hold no blanks.
 */
#include "bootstrap/tabs.h"

#include "common/err.h"
#include "common/strbuf.h"

#include <errno.h>
#include <string.h>

#define FIELDS_MAX 6

struct field {
	const char *start;
	size_t len;
};

/* Splits one line (len bytes, no newline) into its first fields. 0 for comments and empty lines. */
static size_t split(const char *line, size_t len, struct field fields[static FIELDS_MAX])
{
	size_t count = 0, at = 0;

	while (count < FIELDS_MAX) {
		while (at < len && (line[at] == ' ' || line[at] == '\t'))
			at++;
		if (at == len || line[at] == '#')
			break;
		fields[count].start = line + at;
		while (at < len && line[at] != ' ' && line[at] != '\t')
			at++;
		fields[count].len = (size_t)(line + at - fields[count].start);
		count++;
	}
	return count;
}

static bool field_is(const struct field *field, const char *text)
{
	return field->len == strlen(text) && memcmp(field->start, text, field->len) == 0;
}

/* Calls each for every line; at the end of a text without a final newline the last line counts too.
 */
typedef void (*line_visit)(struct strbuf *out, const char *line, size_t len, void *userdata);

static void for_lines(struct strbuf *out, const char *text, line_visit visit, void *userdata)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		size_t len = end ? (size_t)(end - text) : strlen(text);

		visit(out, text, len, userdata);
		text += len + (end ? 1 : 0);
	}
}

static void keep(struct strbuf *out, const char *line, size_t len)
{
	strbuf_addn(out, line, len);
	strbuf_add(out, "\n");
}

/* The option list without one option and with another; "defaults" when nothing is left. */
static void change_options(struct strbuf *out, const struct field *options, const char *without,
			   const char *with)
{
	size_t at = 0, written = 0;

	while (at < options->len) {
		size_t end = at;
		struct field option = { options->start + at, 0 };

		while (end < options->len && options->start[end] != ',')
			end++;
		option.len = end - at;
		at = end + 1;
		if ((without && field_is(&option, without)) || (with && field_is(&option, with)))
			continue;
		if (written++)
			strbuf_add(out, ",");
		strbuf_addn(out, option.start, option.len);
	}
	if (with)
		strbuf_addf(out, "%s%s", written ? "," : "", with);
	else if (!written)
		strbuf_add(out, "defaults");
}

struct change_state {
	const struct fstab_change *change;
	bool is_found;
};

static void change_line(struct strbuf *out, const char *line, size_t len, void *userdata)
{
	struct change_state *state = userdata;
	struct field fields[FIELDS_MAX];
	size_t count = split(line, len, fields);

	if (count < 4 || !field_is(&fields[1], state->change->mount_point)) {
		keep(out, line, len);
		return;
	}
	state->is_found = true;
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_add(out, " ");
		if (i == 0 && state->change->new_source)
			strbuf_add(out, state->change->new_source);
		else if (i == 3)
			change_options(out, &fields[3], state->change->remove_option,
				       state->change->add_option);
		else
			strbuf_addn(out, fields[i].start, fields[i].len);
	}
	strbuf_add(out, "\n");
}

int fstab_change(const char *text, const struct fstab_change *change, char **ret)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_EMPTY;
	struct change_state state = { change, false };

	strbuf_add(&out, "");
	for_lines(&out, text, change_line, &state);
	if (!state.is_found)
		return fail(
			-ENOENT,
			"fstab has no line for %s: add one for the root filesystem and run again",
			change->mount_point);
	return strbuf_take(&out, ret);
}

struct set_state {
	size_t field; /* which field names the entry */
	const char *name;
	const char *line; /* NULL: drop */
	bool is_found;
};

/* `mount -a` goes by the order of the lines: a new line comes before those mounted below it. */
static bool is_below(const struct field *field, const char *mount_point)
{
	size_t len = strlen(mount_point);

	return field->len > len && memcmp(field->start, mount_point, len) == 0 &&
	       field->start[len] == '/';
}

static void set_line(struct strbuf *out, const char *line, size_t len, void *userdata)
{
	struct set_state *state = userdata;
	struct field fields[FIELDS_MAX];
	size_t count = split(line, len, fields);
	bool is_named = count > state->field && field_is(&fields[state->field], state->name);

	if (state->line && !state->is_found &&
	    (is_named || (count > state->field && is_below(&fields[state->field], state->name)))) {
		strbuf_addf(out, "%s\n", state->line);
		state->is_found = true;
	}
	if (!is_named)
		keep(out, line, len);
}

static int set_or_drop(const char *text, struct set_state state, char **ret)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_EMPTY;

	strbuf_add(&out, "");
	for_lines(&out, text, set_line, &state);
	if (state.line && !state.is_found)
		strbuf_addf(&out, "%s\n", state.line);
	return strbuf_take(&out, ret);
}

int fstab_set(const char *text, const char *mount_point, const char *line, char **ret)
{
	return set_or_drop(text, (struct set_state){ 1, mount_point, line, false }, ret);
}

int fstab_drop(const char *text, const char *mount_point, char **ret)
{
	return set_or_drop(text, (struct set_state){ 1, mount_point, NULL, false }, ret);
}

int crypttab_set(const char *text, const char *name, const char *line, char **ret)
{
	return set_or_drop(text, (struct set_state){ 0, name, line, false }, ret);
}

int crypttab_drop(const char *text, const char *name, char **ret)
{
	return set_or_drop(text, (struct set_state){ 0, name, NULL, false }, ret);
}

int fstab_options(const char *text, const char *mount_point, char *ret, size_t size)
{
	struct field fields[FIELDS_MAX];

	ret[0] = '\0';
	while (*text) {
		const char *end = strchr(text, '\n');
		size_t len = end ? (size_t)(end - text) : strlen(text);

		if (split(text, len, fields) >= 4 && field_is(&fields[1], mount_point)) {
			if (fields[3].len >= size)
				return fail(-E2BIG, "the mount options of %s in fstab are too long",
					    mount_point);
			memcpy(ret, fields[3].start, fields[3].len);
			ret[fields[3].len] = '\0';
			return 0;
		}
		text += len + (end ? 1 : 0);
	}
	return 0;
}
