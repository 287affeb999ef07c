/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status: where the conversion stands, by looking. Writes nothing and takes no lock.
 */
#include "bootstrap/boot_step.h"
#include "bootstrap/job.h"
#include "bootstrap/keyring.h"
#include "bootstrap/luks.h"
#include "bootstrap/verbs.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <string.h>

struct standing {
	const char *state;   /* "none", "converting", "converted" */
	const char *phase;   /* next one; "" */
	const char *waiting; /* "" when it waits for nothing */
	double percent;	     /* of the encryption; < 0: none is under way */
	struct boot_result result;
};

static void look_encryption(const struct job *job, struct standing *standing)
{
	const struct luks_where where = { job->facts->luks_device, NULL };
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	struct luks_status status;

	if (job->facts->root_kind != ROOT_LUKS || luks_look(&where, &status) < 0 ||
	    !status.is_reencrypting || !status.payload_bytes)
		return;
	standing->percent = 100.0 * (double)status.encrypted_bytes / (double)status.payload_bytes;
	if (keyring_get(job->intent.luks_uuid, &key) == -ENOKEY && job->facts->is_running)
		standing->waiting = "key";
}

static int look(struct job *job, int opened, struct standing *ret)
{
	struct standing standing = { .state = "none", .phase = "", .waiting = "", .percent = -1 };
	const char *phase = NULL;
	int r;

	if (opened == JOB_NONE) {
		standing.state = job->facts->was_converted ? "converted" : "none";
		*ret = standing;
		return 0;
	}
	standing.state = "converting";
	r = phases_current(job, &phase);
	if (r < 0)
		return r;
	standing.phase = phase ? phase : "";
	look_encryption(job, &standing);
	if (strcmp(standing.phase, "leave") == 0)
		standing.waiting = "the first native boot";
	if (boot_result_read(&standing.result) < 0)
		standing.result.exists = false;
	fail_clear();
	*ret = standing;
	return 0;
}

static void print_text(const struct job *job, const struct standing *standing)
{
	const struct boot_result *result = &standing->result;

	if (strcmp(standing->state, "none") == 0) {
		printf("Nothing has begun here. See: panocrypt-bootstrap plan\n");
		return;
	}
	if (strcmp(standing->state, "converted") == 0) {
		printf("Converted: the root is on LUKS (%s) and Clevis opens it through the "
		       "server.\n",
		       job->facts->luks_device);
		return;
	}
	printf("Phase     %s%s\n", standing->phase[0] ? standing->phase : "all are done",
	       job->facts->is_running ? " (at work)" : "");
	if (standing->percent >= 0)
		printf("Progress  %.1f %% encrypted\n", standing->percent);
	if (standing->waiting[0])
		printf("Waiting   for %s\n", standing->waiting);
	if (result->exists)
		printf("This boot %s: %s%s%s\n", result->action,
		       result->is_ok ? "done" : "not done", result->reason[0] ? ", " : "",
		       result->reason);
	printf("Device    %s at %s\n",
	       job->intent.device[0] ? job->intent.device : "not enrolled yet", job->intent.server);
}

static int print_json(const struct job *job, const struct standing *standing)
{
	const struct boot_result *result = &standing->result;
	CLEANUP_JSON json_t *value = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	value = json_pack("{s:s,s:s,s:s,s:b,s:s,s:s}", "state", standing->state, "phase",
			  standing->phase, "waiting", standing->waiting, "running",
			  job->facts->is_running, "device", job->intent.device, "server",
			  job->intent.server);
	if (!value)
		return fail(-ENOMEM, "status as JSON: out of memory");
	if (standing->percent >= 0)
		json_object_set_new(value, "percent", json_real(standing->percent));
	if (result->exists)
		json_object_set_new(value, "boot_step",
				    json_pack("{s:s,s:b,s:s,s:s}", "action", result->action, "ok",
					      result->is_ok, "phase", result->phase, "reason",
					      result->reason));
	r = js_print_pretty(value, &text);
	if (r < 0)
		return r;
	fputs(text, stdout);
	return 0;
}

int verb_status(const struct config *config)
{
	struct standing standing;
	struct facts facts;
	struct job job;
	int opened, r;

	if (geteuid() != 0)
		return fail(-EPERM, "only root can see where it stands: run it again with sudo");
	opened = job_open(&job, config, &facts);
	if (opened < 0)
		return opened;
	r = look(&job, opened, &standing);
	if (r < 0)
		return r;
	if (config->json)
		return print_json(&job, &standing);
	print_text(&job, &standing);
	return 0;
}
