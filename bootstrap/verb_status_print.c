/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `status` says, as text and as JSON. Decides nothing.
 */
#include "bootstrap/elsewhere.h"
#include "bootstrap/verb_status.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/json.h"
#include "common/strbuf.h"

#include <string.h>

static void add_progress(struct strbuf *buf, const struct standing *standing)
{
	char text[96], done[24], total[24];

	if (!standing->has_progress)
		return;
	progress_text(text, sizeof(text), &standing->progress);
	strbuf_addf(buf, "Progress  %s (%s of %s)\n", text,
		    text_bytes(done, standing->progress.done_bytes),
		    text_bytes(total, standing->progress.total_bytes));
}

static void add_waiting(struct strbuf *buf, const char *waiting)
{
	if (strcmp(waiting, "resume") == 0)
		strbuf_add(buf, "Paused    go on with: panocrypt-bootstrap resume\n");
	else if (waiting[0])
		strbuf_addf(buf, "Waiting   for %s\n", waiting);
}

static void add_boot(struct strbuf *buf, const struct boot_result *result)
{
	if (result->exists)
		strbuf_addf(buf, "This boot %s: %s%s%s\n", result->action,
			    result->is_ok ? "done" : "not done", result->reason[0] ? ", " : "",
			    result->reason);
}

int standing_text(const struct job *job, const struct standing *standing, char **ret)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;

	if (strcmp(standing->state, "none") == 0) {
		strbuf_add(&buf, "Nothing has begun here. See: panocrypt-bootstrap plan\n");
		return strbuf_take(&buf, ret);
	}
	if (strcmp(standing->state, "converted") == 0) {
		strbuf_addf(&buf,
			    "Converted: the root is on LUKS (%s) and Clevis opens it through the "
			    "server.\n",
			    job->facts->luks_device);
		return strbuf_take(&buf, ret);
	}
	if (strcmp(standing->state, "undoing") == 0) {
		strbuf_addf(&buf, "Being undone%s. Finish it with: panocrypt-bootstrap undo\n",
			    job->facts->is_running ? " (at work)" : "");
		return strbuf_take(&buf, ret);
	}
	strbuf_addf(&buf, "Phase     %s%s\n", standing->phase[0] ? standing->phase : "all are done",
		    job->facts->is_running ? " (at work)" : "");
	add_progress(&buf, standing);
	add_waiting(&buf, standing->waiting);
	add_boot(&buf, &standing->result);
	if (standing->is_elsewhere)
		strbuf_add(&buf, "Clone?    " ELSEWHERE_TEXT "\n");
	strbuf_addf(&buf, "Device    %s at %s\n",
		    job->intent.device[0] ? job->intent.device : "not enrolled yet",
		    job->intent.server);
	return strbuf_take(&buf, ret);
}

static json_t *progress_value(const struct progress *progress)
{
	return json_pack("{s:s,s:f,s:I,s:I,s:I,s:I}", "phase", progress->phase, "percent",
			 progress_percent(progress), "done_bytes", (json_int_t)progress->done_bytes,
			 "total_bytes", (json_int_t)progress->total_bytes, "bytes_per_s",
			 (json_int_t)progress->bytes_per_s, "eta_s",
			 (json_int_t)progress_eta_s(progress));
}

int standing_json(const struct job *job, const struct standing *standing, char **ret)
{
	const struct boot_result *result = &standing->result;
	CLEANUP_JSON json_t *value = NULL;

	value = json_pack("{s:s,s:s,s:s,s:b,s:b,s:s,s:s}", "state", standing->state, "phase",
			  standing->phase, "waiting", standing->waiting, "running",
			  job->facts->is_running, "elsewhere", standing->is_elsewhere, "device",
			  job->intent.device, "server", job->intent.server);
	if (!value)
		return fail(-ENOMEM, "status as JSON: out of memory");
	if (standing->has_progress)
		json_object_set_new(value, "progress", progress_value(&standing->progress));
	if (result->exists)
		json_object_set_new(value, "boot_step",
				    json_pack("{s:s,s:b,s:s,s:s}", "action", result->action, "ok",
					      result->is_ok, "phase", result->phase, "reason",
					      result->reason));
	return js_print_pretty(value, ret);
}
