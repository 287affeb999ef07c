/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loads the intent, or makes the first one. Writes nothing: verb_run.c does.
 */
#include "bootstrap/job.h"

#include "bootstrap/plan.h"
#include "bootstrap/tabs.h"
#include "common/aead.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <string.h>

#define FSTAB "/etc/fstab"
#define FSTAB_BYTES_MAX (1 * MIB)

/* Which of the three running stages of docs/architecture.md this is. */
static unsigned running_stage(const struct facts *facts)
{
	if (facts->root_kind == ROOT_LUKS)
		return 3;
	return facts->is_boot_separate ? 2 : 1;
}

/* Takes over what only the boot step can know, and what `undo` writes there first. -ENOENT when it
 * has left nothing, or nothing whole where that is to be expected. */
static int merge_boot_intent(struct intent *intent, bool is_damaged)
{
	struct intent boot;
	int r = (is_damaged ? intent_read_whole : intent_read)(BOOT_STATE_DIR, &boot);

	if (r == -EBADMSG && is_damaged)
		r = -ENOENT;
	if (r < 0)
		return r;
	if (strcmp(boot.luks_uuid, intent->luks_uuid) != 0)
		return -ENOENT; /* of another conversion; not ours to judge */
	if (boot.payload_bytes)
		intent->payload_bytes = boot.payload_bytes;
	if (boot.root_bytes)
		intent->root_bytes = boot.root_bytes;
	intent->undo = intent->undo || boot.undo;
	return 0;
}

/* What stands on /boot is the same, but for what is merged. */
static int read_any(const char *state_dir, struct intent *ret)
{
	int r = intent_read_whole(state_dir, ret);

	if (r != -EBADMSG)
		return r;
	if (intent_read_whole(BOOT_STATE_DIR, ret) == 0) {
		fail_clear();
		return 0;
	}
	return fail(-EBADMSG,
		    "neither the intent nor a copy of it is whole, so that nobody knows what is to "
		    "be put back: restore " INTENT_FILE " or " INTENT_COPY_FILE
		    " in %s from a backup, then run undo again",
		    state_dir);
}

static int open_by(struct job *ret, const struct config *config, struct facts *facts,
		   bool is_damaged)
{
	struct job job = { .config = config, .facts = facts, .state_dir = config->state_dir };
	int r;

	r = facts_collect(facts, config->state_dir);
	if (r < 0)
		return r;
	job.boot = running_stage(facts);
	r = (is_damaged ? read_any : intent_read)(config->state_dir, &job.intent);
	if (r == -ENOENT) {
		*ret = job;
		return JOB_NONE;
	}
	if (r == 0)
		r = merge_boot_intent(&job.intent, is_damaged);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = job;
	return 0;
}

int job_open(struct job *ret, const struct config *config, struct facts *facts)
{
	return open_by(ret, config, facts, false);
}

int job_open_damaged(struct job *ret, const struct config *config, struct facts *facts)
{
	return open_by(ret, config, facts, true);
}

int job_uuid(char ret[static UUID_SIZE])
{
	uint8_t bytes[16];
	char hex[33];
	int r;

	r = random_bytes(bytes, sizeof(bytes));
	if (r < 0)
		return r;
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* RFC 9562: version 4 … */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* … and variant */
	text_hex(hex, bytes, sizeof(bytes));
	snprintf(ret, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		 hex + 20);
	return 0;
}

/* All text members go through here: a cut name would be another name. */
static int put(char *to, size_t size, const char *what, const char *text)
{
	if (strlen(text) >= size)
		return fail(-EINVAL, "%s is longer than %zu characters", what, size - 1);
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

#define PUT(intent, member, text) put((intent)->member, sizeof((intent)->member), #member, text)

static int intend_options(const struct config *config, struct intent *intent)
{
	size_t i, len = strlen(config->server);
	int r;

	r = PUT(intent, server, config->server);
	if (r < 0)
		return r;
	while (len > 0 && intent->server[len - 1] == '/')
		intent->server[--len] = '\0';
	r = PUT(intent, recovery, config->recovery_passphrase_file ? "file" : "generated");
	if (r == 0)
		r = PUT(intent, recovery_output, config->recovery_output);
	for (i = 0; i < config->leave_plain.count && r == 0; i++) {
		char *end = intent->leave_plain + strlen(intent->leave_plain);

		if (i > 0)
			*end++ = ',';
		r = put(end, sizeof(intent->leave_plain) - (size_t)(end - intent->leave_plain),
			"leave_plain", config->leave_plain.items[i]);
	}
	if (r == 0)
		r = PUT(intent, free_space, config->free_space);
	if (r == 0)
		r = PUT(intent, coverage, config->coverage);
	intent->rotate_after = config->rotate_after;
	intent->final_reboot = config->final_reboot;
	return r;
}

static int intend_machine(const struct plan *plan, const struct facts *facts, struct intent *intent)
{
	int r;

	r = PUT(intent, fs_uuid, facts->fs_uuid);
	if (r == 0)
		r = PUT(intent, root_partuuid, facts->root_partuuid);
	if (r == 0)
		r = PUT(intent, disk_id, facts->disk_id);
	if (r == 0)
		r = PUT(intent, product_uuid, facts->product_uuid);
	if (r == 0)
		r = job_uuid(intent->luks_uuid);
	if (r < 0)
		return r;
	r = PUT(intent, cipher, plan->cipher);
	if (r < 0)
		return r;
	intent->shift_bytes = plan->shift_bytes;
	intent->boot_bytes = plan->boot_bytes;
	if (plan->needs_bootpart) {
		r = job_uuid(intent->boot_uuid);
		return r < 0 ? r : job_uuid(intent->boot_partuuid);
	}
	intent->root_bytes = facts->root_bytes;
	r = PUT(intent, boot_uuid, facts->boot_uuid);
	return r < 0 ? r : PUT(intent, boot_partuuid, facts->boot_partuuid);
}

int job_intend(const struct plan *plan, const struct facts *facts, const struct config *config,
	       struct intent *ret)
{
	CLEANUP_FREE char *fstab = NULL;
	struct intent intent = { "" };
	int r;

	r = intend_options(config, &intent);
	if (r == 0)
		r = intend_machine(plan, facts, &intent);
	if (r < 0)
		return r;
	r = file_read(FSTAB, FSTAB_BYTES_MAX, &fstab, NULL);
	if (r == 0)
		r = fstab_options(fstab, "/", intent.root_mount_options,
				  sizeof(intent.root_mount_options));
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = intent;
	return 0;
}
