/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads lines like "[   47.3] panocrypt: carve: starting": the phase's own first words, of the boot
 * step as of the running system.
 */
#include "tests/powercut/moment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BEFORE "panocrypt: "
#define BEHIND ": starting"
#define FINISHED "the conversion is finished"

int moment_init(struct moment *ret, const char *names, const char *target)
{
	struct moment moment = { .now = "boot" };

	while (*names) {
		size_t len = strcspn(names, ",");

		if (len == 0 || len >= MOMENT_NAME_MAX || moment.count == MOMENT_PHASES_MAX)
			return -EINVAL;
		memcpy(moment.names[moment.count++], names, len);
		names += len + (names[len] == ',');
	}
	moment.reached = moment.count;
	moment.target = moment.count;
	for (size_t i = 0; target && i < moment.count; i++) {
		if (strcmp(moment.names[i], target) == 0)
			moment.target = i;
	}
	if (target && moment.target == moment.count)
		return -EINVAL;
	*ret = moment;
	return 0;
}

static bool parse_line(const char *line, char ret[static MOMENT_NAME_MAX])
{
	const char *name = strstr(line, BEFORE);
	size_t len;

	if (!name)
		return false;
	name += strlen(BEFORE);
	if (strncmp(name, FINISHED, strlen(FINISHED)) == 0) {
		snprintf(ret, MOMENT_NAME_MAX, "finished");
		return true;
	}
	len = strspn(name, "abcdefghijklmnopqrstuvwxyz");
	if (len == 0 || len >= MOMENT_NAME_MAX || strncmp(name + len, BEHIND, strlen(BEHIND)) != 0)
		return false;
	snprintf(ret, MOMENT_NAME_MAX, "%.*s", (int)len, name);
	return true;
}

/* The boot step says each line twice; the second is no news, nor is the same phase after a reboot.
 */
static bool take_line(struct moment *moment, uint64_t now_ms)
{
	char name[MOMENT_NAME_MAX];

	if (!parse_line(moment->line, name) || strcmp(name, moment->now) == 0)
		return false;
	memcpy(moment->now, name, sizeof(name));
	moment->ops = 0;
	moment->ms_at = now_ms;
	for (size_t i = 0; i < moment->count; i++) {
		if (strcmp(moment->names[i], name) == 0)
			moment->reached = i;
	}
	return true;
}

bool moment_console(struct moment *moment, const char *text, size_t len, uint64_t now_ms)
{
	bool is_news = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			moment->line[moment->len] = '\0';
			moment->len = 0;
			is_news |= take_line(moment, now_ms);
		} else if (text[i] && moment->len < sizeof(moment->line) - 1) {
			moment->line[moment->len++] = text[i];
		}
	}
	return is_news;
}

const char *moment_due(struct moment *moment, enum moment_op op, uint64_t now_ms)
{
	moment->ops += op != MOMENT_NO_OP;
	if (moment->target == moment->count || moment->reached == moment->count)
		return NULL;
	if (moment->reached > moment->target)
		return "passed";
	if (moment->reached < moment->target ||
	    strcmp(moment->now, moment->names[moment->target]) != 0)
		return NULL;
	if (moment->ops_wanted && moment->ops >= moment->ops_wanted &&
	    (op == MOMENT_FLUSH || !moment->is_flush_wanted))
		return "ops";
	return moment->ms_wanted && now_ms - moment->ms_at >= moment->ms_wanted ? "ms" : NULL;
}
