/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Progress of long phases. Prints and reports; never fails one.
 */
#include "bootstrap/pace.h"

#include "common/log.h"
#include "common/strbuf.h"

#include <stdio.h>
#include <time.h>

#define SAY_EVERY_MS 5000

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
		.phase = phase,
		.total_bytes = total_bytes,
		.started_ms = now_ms(),
	};
}

void pace_total(struct pace *pace, uint64_t total_bytes)
{
	pace->total_bytes = total_bytes;
}

static double percent(uint64_t done_bytes, uint64_t total_bytes)
{
	return total_bytes ? 100.0 * (double)done_bytes / (double)total_bytes : 0.0;
}

void pace_print(char *ret, size_t size, uint64_t done_bytes, uint64_t total_bytes,
		uint64_t run_bytes, uint64_t run_ms)
{
	double bytes_per_s = run_ms ? 1000.0 * (double)run_bytes / (double)run_ms : 0.0;
	uint64_t left_bytes = total_bytes - MIN(total_bytes, done_bytes);
	char rate[24];
	uint64_t left_s;

	if (bytes_per_s < 1.0) {
		snprintf(ret, size, "%.1f %%", percent(done_bytes, total_bytes));
		return;
	}
	left_s = (uint64_t)((double)left_bytes / bytes_per_s + 0.5);
	text_bytes(rate, (uint64_t)bytes_per_s);
	if (left_s < 120)
		snprintf(ret, size, "%.1f %%, %s/s, %llu s left", percent(done_bytes, total_bytes),
			 rate, (unsigned long long)left_s);
	else
		snprintf(ret, size, "%.1f %%, %s/s, %llu min left",
			 percent(done_bytes, total_bytes), rate,
			 (unsigned long long)((left_s + 59) / 60));
}

void pace_step(struct pace *pace, uint64_t done_bytes)
{
	uint64_t now = now_ms();
	char text[96];

	if (!pace->has_first) {
		pace->has_first = true;
		pace->first_bytes = done_bytes;
	}
	if (pace->is_over ||
	    (pace->said_ms && now - pace->said_ms < SAY_EVERY_MS && done_bytes < pace->total_bytes))
		return;
	pace->is_over = done_bytes >= pace->total_bytes; /* the library says its end twice */
	pace->said_ms = now;
	pace_print(text, sizeof(text), done_bytes, pace->total_bytes,
		   done_bytes - MIN(done_bytes, pace->first_bytes), now - pace->started_ms);
	log_info("%s: %s", pace->phase, text);
	report_progress(&pace->reporter, pace->phase, REPORT_RUNNING,
			percent(done_bytes, pace->total_bytes), text);
}
