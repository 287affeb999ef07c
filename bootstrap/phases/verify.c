/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verify: the real header, on the real disk, opened both ways; then the evidence goes to the
 * server. A generated recovery passphrase is written to its file, and proven, before its sealed
 * copy leaves the header.
 */
#include "bootstrap/block.h"
#include "bootstrap/elsewhere.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/luks_slot.h"
#include "bootstrap/phase.h"
#include "bootstrap/recovery.h"
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

static int prove_generated(const struct job *job, const struct luks_where *where)
{
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY, passphrase = SECRET_EMPTY;
	int r;

	r = unlock_volume_key(job->intent.luks_uuid, where, &volume_key);
	if (r < 0)
		return r;
	r = recovery_open(where, &volume_key, &passphrase);
	if (r == -ENOENT) /* an earlier run wrote the file and removed the token */
		return file_exists(job->intent.recovery_output)
			       ? 0
			       : fail(-ENOENT,
				      "%s is missing: add a new recovery passphrase with "
				      "cryptsetup luksAddKey",
				      job->intent.recovery_output);
	if (r < 0)
		return r;
	r = luks_try_passphrase(where, &passphrase);
	if (r < 0)
		return fail(r, "the generated recovery passphrase opens no keyslot of %s",
			    where->header);
	r = recovery_write_file(job->intent.recovery_output, &passphrase);
	if (r < 0)
		return r;
	log_info("verify: the recovery passphrase is in %s: fetch it, keep it elsewhere, delete it "
		 "here",
		 job->intent.recovery_output);
	return luks_token_remove(where, RECOVERY_TOKEN);
}

/* The customer's own passphrase isn't at hand any more; its slot was proven in `header` and must be
 * the same, byte for byte. */
static int prove_kept_slot(const struct job *job, const struct luks_where *where)
{
	int slot = job->intent.rotate_after ? LUKS_NEXT_RECOVERY_SLOT : RECOVERY_SLOT;
	int r = luks_slot_same(BOOT_STATE_DIR "/" HEADER_FILE, where->header, slot);

	if (r < 0)
		return r;
	return r == 1 ? 0
		      : fail(-EIO,
			     "the recovery keyslot of %s differs from the one that was proven",
			     where->header);
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
	r = strcmp(job->intent.recovery, "generated") == 0 ? prove_generated(job, &where)
							   : prove_kept_slot(job, &where);
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
