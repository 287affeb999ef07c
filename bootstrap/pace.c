/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Progress of long phases. Prints, writes and reports; never fails one.
 */
#include "bootstrap/pace.h"

#include "common/err.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SAY_EVERY_MS 5000
#define WRITE_EVERY_MS 1000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void pace_start(struct pace *pace, const struct job *job, const char *phase, uint64_t total_bytes)
{
	*pace = (struct pace){
		.reporter = { .intent = &job->intent,
			      .state_dir = job->state_dir,
			      .boot = job->boot },
		.progress = { .total_bytes = total_bytes },
	};
	snprintf(pace->progress.phase, sizeof(pace->progress.phase), "%s", phase);
}

void pace_total(struct pace *pace, uint64_t total_bytes)
{
	pace->progress.total_bytes = total_bytes;
}

static void write_file(struct pace *pace, uint64_t now)
{
	pace->written_ms = now;
	if (progress_write(RUN_DIR, &pace->progress) < 0) {
		log_debug("%s", fail_text());
		fail_clear();
	}
}

static void say(struct pace *pace, uint64_t now)
{
	char text[96];

	pace->said_ms = now;
	progress_text(text, sizeof(text), &pace->progress);
	log_info("%s: %s", pace->progress.phase, text);
	report_running(&pace->reporter, &pace->progress);
	write_file(pace, now);
}

void pace_step(struct pace *pace, uint64_t done_bytes)
{
	struct progress *progress = &pace->progress;
	uint64_t now = now_ms();
	bool is_end = progress->total_bytes && done_bytes >= progress->total_bytes;

	if (pace->is_over) /* the library says its end twice */
		return;
	progress->done_bytes = done_bytes;
	progress_rate_step(&pace->rate, now, done_bytes);
	progress->bytes_per_s = pace->rate.is_known ? (uint64_t)pace->rate.bytes_per_s : 0;
	pace->is_over = is_end;
	if (!pace->said_ms || is_end || now - pace->said_ms >= SAY_EVERY_MS)
		say(pace, now);
	else if (now - pace->written_ms >= WRITE_EVERY_MS)
		write_file(pace, now);
}

void pace_wait(struct pace *pace, const char *waiting)
{
	struct progress *progress = &pace->progress;

	if (strcmp(progress->waiting, waiting) == 0) {
		if (waiting[0])
			report_running(&pace->reporter, progress);
		return;
	}
	snprintf(progress->waiting, sizeof(progress->waiting), "%s", waiting);
	pace->rate = (struct progress_rate){ 0 }; /* standing still is no rate */
	pace->reporter.last_sent_ms = 0;	  /* at once */
	say(pace, now_ms());
}
