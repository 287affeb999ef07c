/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Figures of a long phase: their sums and their words. Pure.
 */
#include "bootstrap/progress.h"

#include "common/strbuf.h"

#include <stdio.h>
#include <string.h>

#define RATE_WINDOW_MS 20000.0
#define RATE_LEAST_MS 500

double progress_percent(const struct progress *progress)
{
	if (!progress->total_bytes)
		return 0.0;
	return 100.0 * (double)MIN(progress->done_bytes, progress->total_bytes) /
	       (double)progress->total_bytes;
}

uint64_t progress_eta_s(const struct progress *progress)
{
	uint64_t left_bytes = progress->total_bytes -
			      MIN(progress->total_bytes, progress->done_bytes);

	if (!progress->bytes_per_s || progress->waiting[0])
		return 0;
	return (left_bytes + progress->bytes_per_s - 1) / progress->bytes_per_s;
}

const char *progress_wait_text(const char *waiting)
{
	static const char *const rows[][2] = {
		{ "key", "waiting for key" },
		{ "resume", "paused" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(waiting, rows[i][0]) == 0)
			return rows[i][1];
	return waiting[0] ? "waiting" : "";
}

static void eta_text(char ret[static 32], uint64_t eta_s)
{
	if (eta_s < 120)
		snprintf(ret, 32, "%llu s left", (unsigned long long)eta_s);
	else if (eta_s < 2 * 3600)
		snprintf(ret, 32, "%llu min left", (unsigned long long)((eta_s + 59) / 60));
	else
		snprintf(ret, 32, "%.1f h left", (double)eta_s / 3600);
}

void progress_text(char *ret, size_t size, const struct progress *progress)
{
	double percent = progress_percent(progress);
	char rate[24], left[32];

	if (progress->waiting[0]) {
		snprintf(ret, size, "%.1f %%, %s", percent, progress_wait_text(progress->waiting));
		return;
	}
	if (!progress->bytes_per_s) {
		snprintf(ret, size, "%.1f %%", percent);
		return;
	}
	eta_text(left, progress_eta_s(progress));
	snprintf(ret, size, "%.1f %%, %s/s, %s", percent, text_bytes(rate, progress->bytes_per_s),
		 left);
}

void progress_rate_step(struct progress_rate *rate, uint64_t now_ms, uint64_t done_bytes)
{
	double passed_ms, now_per_s, weight;

	if (!rate->is_begun) {
		*rate = (struct progress_rate){ now_ms, done_bytes, 0, true, false };
		return;
	}
	if (now_ms < rate->at_ms + RATE_LEAST_MS)
		return;
	passed_ms = (double)(now_ms - rate->at_ms);
	now_per_s = 1000.0 * (double)(done_bytes - MIN(done_bytes, rate->done_bytes)) / passed_ms;
	weight = rate->is_known ? passed_ms / (passed_ms + RATE_WINDOW_MS) : 1.0;
	rate->bytes_per_s += weight * (now_per_s - rate->bytes_per_s);
	rate->is_known = true;
	rate->at_ms = now_ms;
	rate->done_bytes = done_bytes;
}
