/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verify: the real header, on the real disk, opened both ways; then the evidence goes to the
 * server.
 */
#include "bootstrap/block.h"
#include "bootstrap/elsewhere.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/phase.h"
#include "bootstrap/recovery_proof.h"
#include "bootstrap/report.h"
#include "bootstrap/unlock.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EVIDENCE_FILE STATE_DIR "/evidence.json"
#define RECOVERY_TOKEN "panocrypt-recovery"
#define RECOVERY_SLOT 0
#define CLEVIS_TIMEOUT_S 90

static int find_device(const struct job *job, char *ret, size_t size)
{
	int r = block_find("UUID", job->intent.luks_uuid, ret, size);

	return r < 0 ? fail_at(r, "the encrypted volume %s", job->intent.luks_uuid) : 0;
}

static int verify_done(struct job *job)
{
	CLEANUP_JSON json_t *token = NULL;
	char device[FACTS_PATH_MAX];
	int r;

	if (job->facts->root_kind != ROOT_LUKS || !file_exists(EVIDENCE_FILE))
		return 0;
	r = find_device(job, device, sizeof(device));
	if (r < 0)
		return r;
	r = luks_token_get(&(struct luks_where){ .header = device }, RECOVERY_TOKEN, &token);
	if (r == -ENOENT)
		return 1;
	return r < 0 ? r : 0;
}

static int prove_clevis(const struct luks_where *where)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = unlock_clevis(where, CLEVIS_TIMEOUT_S, &secret);
	if (r < 0)
		return r;
	r = luks_try_passphrase(where, &secret);
	return r < 0 ? fail(r, "what the server helped to recover opens no keyslot of %s",
			    where->header)
		     : 0;
}

static int prove_recovery(const struct job *job, const struct luks_where *where)
{
	const struct recovery_proof proof = {
		.where = *where,
		.luks_uuid = job->intent.luks_uuid,
		.copy = BOOT_STATE_DIR "/" HEADER_FILE,
		.slot = job->intent.rotate_after ? LUKS_NEXT_RECOVERY_SLOT : RECOVERY_SLOT,
		.is_generated = strcmp(job->intent.recovery, "generated") == 0,
		.output = job->intent.recovery_output,
		.new_file = job->config->recovery_passphrase_file,
	};

	return recovery_prove(&proof);
}

static int make_evidence(const struct job *job, const struct luks_where *where, json_t **ret)
{
	struct luks_status status;
	CLEANUP_JSON json_t *evidence = NULL;
	int r = luks_look(where, &status);

	if (r < 0)
		return r;
	evidence = json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:I, s:s, s:b, s:b, s:s, s:s, s:s, s:b, s:b, s:s, s:I}",
		"luks_uuid", status.uuid, "cipher", status.cipher, "mapping", MAPPING_NAME,
		"keyslots", (int)status.slot_count, "tokens", (int)status.token_count, "root_bytes",
		(json_int_t)job->facts->root_bytes, "recovery", job->intent.recovery,
		"clevis_slot_opened", 1, "recovery_slot_proven", 1, "left_plain",
		job->intent.leave_plain, "coverage", job->intent.coverage, "free_space",
		job->intent.free_space, "rotated", status.used_key == LUKS_NEXT_KEY, "elsewhere",
		is_elsewhere(&job->intent, job->facts), "kernel", job->facts->kernel, "at_s",
		(json_int_t)time(NULL));
	if (!evidence)
		return -ENOMEM;
	*ret = TAKE_PTR(evidence);
	return 0;
}

static int send_evidence(const struct job *job, const json_t *evidence)
{
	struct reporter reporter = { .intent = &job->intent,
				     .state_dir = STATE_DIR,
				     .boot = job->boot };
	CLEANUP_FREE char *text = NULL;
	int r;

	r = report_evidence(&reporter, evidence);
	if (r < 0)
		log_warning("verify: the server did not take the evidence (%s); it stays "
			    "in " EVIDENCE_FILE,
			    fail_text());
	r = js_print_pretty(evidence, &text);
	if (r < 0)
		return r;
	return file_replace_text(EVIDENCE_FILE, text, 0600);
}

static int verify_run(struct job *job)
{
	CLEANUP_JSON json_t *evidence = NULL;
	char device[FACTS_PATH_MAX];
	struct luks_where where = { .header = device };
	int r;

	r = find_device(job, device, sizeof(device));
	if (r < 0)
		return r;
	r = prove_clevis(&where);
	if (r < 0)
		return r;
	r = prove_recovery(job, &where);
	if (r < 0)
		return r;
	r = make_evidence(job, &where, &evidence);
	if (r < 0)
		return r;
	return send_evidence(job, evidence);
}

const struct phase phase_verify = {
	.name = "verify",
	.place = PHASE_RUNNING,
	.done = verify_done,
	.run = verify_run,
	.power_cut = "fully encrypted, both slots open: run again",
};
