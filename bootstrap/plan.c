/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan: which refusals apply, the sizes, and what people should know. Pure: the same facts and
 * options give the same plan. Printing is in plan_print.c.
 */
#include "bootstrap/plan.h"

#include "bootstrap/boot_sizes.h"
#include "bootstrap/cipher.h"
#include "bootstrap/free_space.h"
#include "bootstrap/plan_refusals.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add_refusals(const struct facts *facts, const struct config *config, struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan_check_count && plan->refusal_count < PLAN_REFUSALS_MAX; i++) {
		const struct plan_check *check = &plan_checks[i];
		struct refusal *refusal = &plan->refusals[plan->refusal_count];

		/* A machine on its way looks like many things that would be refused. */
		if (facts->has_intent && !check->is_for_ever)
			continue;
		if (check->is_overridable && config->force_platform)
			continue;
		if (!check->applies(facts, config, refusal->fact))
			continue;
		refusal->code = check->code;
		refusal->why = check->why;
		refusal->todo = check->todo;
		refusal->is_overridable = check->is_overridable;
		plan->refusal_count++;
		if (check->is_last)
			return;
	}
}

static void add_sizes(const struct facts *facts, const struct config *config, struct plan *plan)
{
	struct payload_facts sizes = {
		.unmoved_bytes = facts->fs_least_bytes,
		.used_bytes = facts->fs_used_bytes,
		.fs_bytes = facts->root_bytes,
		.shift_bytes = PLAN_SHIFT_BYTES,
		.is_all_wanted = strcmp(config->coverage, "full") == 0,
	};

	plan->needs_bootpart = !facts->is_boot_separate;
	plan->boot_bytes = plan->needs_bootpart ? config->boot_bytes : 0;
	plan->shift_bytes = PLAN_SHIFT_BYTES;
	if (facts->root_bytes < plan->boot_bytes + 2 * plan->shift_bytes)
		return;
	plan->root_bytes = facts->root_bytes - plan->boot_bytes;
	sizes.root_bytes = plan->root_bytes;
	if (boot_payload_size(&sizes, &plan->payload_estimate_bytes) < 0) {
		fail_clear(); /* a check of plan_refusals.c says it */
		return;
	}
	plan->tail_estimate_bytes = plan->root_bytes - plan->shift_bytes -
				    plan->payload_estimate_bytes;
}

static PRINTF_LIKE(2, 3) void note(struct plan *plan, const char *format, ...)
{
	va_list args;

	if (plan->note_count == ARRAY_SIZE(plan->notes))
		return;
	va_start(args, format);
	vsnprintf(plan->notes[plan->note_count++], sizeof(plan->notes[0]), format, args);
	va_end(args);
}

static void note_free_space(const struct config *config, struct plan *plan)
{
	const struct free_space *how = free_space_find(config->free_space);

	if (how && strcmp(how->name, "zero") != 0)
		note(plan, "What lies behind the encrypted part, with old plaintext in it: %s.%s",
		     how->what,
		     how->how == FREE_SPACE_KEEP
			     ? " Deleted files can be read from the disk until they are "
			       "overwritten: the server is told so"
			     : "");
}

static void note_cipher(const struct facts *facts, struct plan *plan)
{
	char aes[24], other[24];

	if (facts->has_aes_instructions)
		return;
	if (!facts->default_cipher_rate || !facts->fallback_cipher_rate)
		note(plan, "The processor has no AES instructions: encryption will be slow.");
	else
		note(plan,
		     "The processor has no AES instructions. Measured: %s %s/s, %s %s/s. The disk "
		     "will be under %s.",
		     cipher_default()->text, text_bytes(aes, facts->default_cipher_rate),
		     cipher_fallback()->text, text_bytes(other, facts->fallback_cipher_rate),
		     plan->cipher);
}

static void add_notes(const struct facts *facts, const struct config *config, struct plan *plan)
{
	size_t i;

	if (config->recovery_passphrase_file)
		note(plan,
		     "Your recovery passphrase from %.100s will open the disk. It is not kept or "
		     "sent anywhere: keep it yourself.",
		     config->recovery_passphrase_file);
	else
		note(plan,
		     "A recovery passphrase is generated and written to %.100s at the very end. "
		     "Until "
		     "`leave` has run it is in nobody's hands: until then only the server opens "
		     "the "
		     "disk.",
		     config->recovery_output);
	note(plan, "Make a backup or a snapshot first; delete it afterwards, it is not encrypted.");
	note_free_space(config, plan);
	if (config->rotate_after)
		note(plan,
		     "At the end everything is encrypted once more, with another volume key. Both "
		     "keys' slots are in the header from the beginning; the passphrases stay.");
	if (facts->is_secure_boot)
		note(plan,
		     "Secure Boot is on: the distribution's signed kernel and GRUB stay in use.");
	note_cipher(facts, plan);
	for (i = 0; i < config->leave_plain.count; i++)
		note(plan, "%.150s stays unencrypted, because you said so.",
		     config->leave_plain.items[i]);
	if (facts->swap_count > 0)
		note(plan,
		     "Swap goes on inside the encrypted root; hibernation to it will not work.");
}

void plan_build(const struct facts *facts, const struct config *config, struct plan *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->coverage = config->coverage;
	ret->free_space = config->free_space;
	ret->cipher = cipher_choose(config->cipher, facts)->text;
	ret->rotate_after = config->rotate_after;
	add_refusals(facts, config, ret);
	add_sizes(facts, config, ret);
	add_notes(facts, config, ret);
	/* To make room, to begin the encryption, and to see the native boot. */
	ret->reboots = ret->needs_bootpart ? 3 : 2;
}
