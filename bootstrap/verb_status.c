/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status: where the conversion stands, by looking. Writes nothing to the disk and takes no lock.
 * --watch looks again until nothing is left to do: one live line on a terminal, else a plain line
 * for each change.
 */
#include "bootstrap/verb_status.h"
#include "bootstrap/bar.h"
#include "bootstrap/job.h"
#include "bootstrap/stop.h"
#include "bootstrap/verbs.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <string.h>
#include <sys/ioctl.h>

#define LOOK_EVERY_S 1
#define WHOLE_LOOK_EVERY 15 /* looks: the whole machine isn't looked at each second */
#define PLAIN_EVERY 10	    /* looks: without a terminal, also when only figures have changed */
#define LINE_MAX_BYTES 512
#define CLEAR_LINE "\r\033[K"

static int look(const struct config *config, struct job *job, struct facts *facts,
		struct standing *ret)
{
	int opened = job_open(job, config, facts);

	return opened < 0 ? opened : standing_look(job, opened, ret);
}

static int print_once(const struct config *config)
{
	CLEANUP_FREE char *text = NULL;
	struct standing standing;
	struct facts facts;
	struct job job;
	int r;

	r = look(config, &job, &facts, &standing);
	if (r == 0)
		r = config->json ? standing_json(&job, &standing, &text)
				 : standing_text(&job, &standing, &text);
	if (r < 0)
		return r;
	fputs(text, stdout);
	return 0;
}

/* --- watch ------------------------------------------------------------------------------------ */

struct watch {
	struct bar_style style;
	bool is_terminal;
	unsigned looks;
	char said[LINE_MAX_BYTES]; /* phase and wait of the last plain line */
	const char *phase;
};

static void find_terminal(struct watch *watch)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize size = { .ws_col = 0 };

	watch->is_terminal = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	if (!watch->is_terminal)
		return;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		size.ws_col = 80;
	watch->style.columns = size.ws_col;
	watch->style.has_color = !(no_color && *no_color);
}

static void make_line(const struct watch *watch, const struct standing *standing, char *ret,
		      size_t size)
{
	if (standing->has_progress)
		bar_print(ret, size, &standing->progress, &watch->style);
	else if (standing->waiting[0])
		snprintf(ret, size, "%s: waiting for %s", standing->phase, standing->waiting);
	else
		snprintf(ret, size, "%s", standing->phase[0] ? standing->phase : standing->state);
}

static void print_plain(struct watch *watch, const struct standing *standing, const char *line)
{
	char key[LINE_MAX_BYTES];

	snprintf(key, sizeof(key), "%s %s", standing->phase, standing->waiting);
	if (strcmp(key, watch->said) == 0 && watch->looks % PLAIN_EVERY != 0)
		return;
	snprintf(watch->said, sizeof(watch->said), "%s", key);
	printf("%s\n", line);
	fflush(stdout);
}

static void print_line(struct watch *watch, const struct standing *standing)
{
	char line[LINE_MAX_BYTES];

	make_line(watch, standing, line, sizeof(line));
	if (!watch->is_terminal) {
		print_plain(watch, standing, line);
		return;
	}
	if (watch->phase && strcmp(watch->phase, standing->phase) != 0)
		putchar('\n'); /* the last line of a phase stays */
	watch->phase = standing->phase;
	printf(CLEAR_LINE "%s", line);
	fflush(stdout);
}

/* Nothing here will change by itself: not converting, or it stands until somebody does something.
 */
static bool is_over(const struct job *job, const struct standing *standing)
{
	if (strcmp(standing->state, "converting") != 0)
		return true;
	return !job->facts->is_running && !standing->has_progress;
}

static int watch_run(const struct config *config)
{
	struct watch watch = { .looks = 0 };
	struct standing standing = { .phase = "" };
	struct facts facts;
	struct job job;
	int r;

	find_terminal(&watch);
	stop_on_signals();
	for (;; watch.looks++) {
		if (watch.looks % WHOLE_LOOK_EVERY == 0 || !standing.has_progress) {
			r = look(config, &job, &facts, &standing);
			if (r < 0)
				return r;
		} else {
			standing_refresh(&job, &standing);
		}
		print_line(&watch, &standing);
		if (is_over(&job, &standing) || stop_wait(LOOK_EVERY_S))
			break;
	}
	if (watch.is_terminal)
		putchar('\n');
	return 0;
}

int verb_status(const struct config *config)
{
	if (geteuid() != 0)
		return fail(-EPERM, "only root can see where it stands: run it again with sudo");
	if (config->watch && config->json)
		return fail(-EINVAL, "--watch is for people and --json for programs: give one");
	return config->watch ? watch_run(config) : print_once(config);
}
