/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan as text for people and as JSON. Decides nothing.
 */
#include "bootstrap/free_space.h"
#include "bootstrap/plan.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/json.h"
#include "common/strbuf.h"

#include <string.h>

/* What happens, in the order in which it happens; docs/architecture.md has the phases in full. */
static const struct stage {
	const char *when, *what, *phases;
	enum { ALWAYS, FOR_BOOTPART, FOR_ROTATION } is_for; /* root holds /boot; --rotate-after */
} stages[] = {
	{ "now", "enroll, install cryptsetup and Clevis, prepare the header and the initramfs",
	  "enroll packages header initramfs", ALWAYS },
	{ "1st reboot", "rehearse unlocking over the boot network, then make room for /boot",
	  "rehearse carve", FOR_BOOTPART },
	{ "running", "move /boot to a partition of its own", "bootpart", FOR_BOOTPART },
	{ "next reboot", "rehearse again, shrink the filesystem, put the header in place",
	  "rehearse shrink place open", ALWAYS },
	{ "running", "encrypt while the machine serves, wipe old plaintext, grow to full size",
	  "encrypt wipe grow", ALWAYS },
	{ "running", "encrypt the whole root once more, with a new volume key", "rotate",
	  FOR_ROTATION },
	{ "running", "hand over to the distribution's own Clevis and check it", "native verify",
	  ALWAYS },
	{ "last reboot", "see the machine open its disk without us; then remove ourselves", "leave",
	  ALWAYS },
};

static bool is_in_plan(const struct plan *plan, const struct stage *stage)
{
	switch (stage->is_for) {
	case FOR_BOOTPART: return plan->needs_bootpart;
	case FOR_ROTATION: return plan->rotate_after;
	case ALWAYS: break;
	}
	return true;
}

static void print_machine(struct strbuf *buf, const struct facts *facts)
{
	char root[24], used[24], disk[24], boot[24], memory[24];

	strbuf_addf(buf, "Machine   %s: %s, %s, kernel %s, %s of memory, %s\n", facts->hostname,
		    facts->os_pretty, facts->arch, facts->kernel,
		    text_bytes(memory, facts->memory_bytes), facts->is_efi_booted ? "EFI" : "BIOS");
	strbuf_addf(buf, "Root      %s: %s, %s, %s used\n", facts->root_device, facts->root_fstype,
		    text_bytes(root, facts->root_bytes), text_bytes(used, facts->fs_used_bytes));
	strbuf_addf(buf, "Disk      %s: %s, %s\n", facts->disk, facts->table_type,
		    text_bytes(disk, facts->disk_bytes));
	strbuf_addf(buf, "/boot     %s, %s used\n",
		    facts->is_boot_separate ? facts->boot_device : "inside the root",
		    text_bytes(boot, facts->boot_used_bytes));
	if (!facts->net_interface[0]) {
		strbuf_add(buf, "Network   none that leads anywhere\n");
		return;
	}
	strbuf_addf(buf, "Network   %s: %s%s, gateway %s, %zu name servers\n", facts->net_interface,
		    facts->net_address4, facts->is_net_dhcp4 ? " by DHCP" : "",
		    facts->net_gateway4[0] ? facts->net_gateway4 : "on link", facts->dns_count);
}

static void print_refusals(struct strbuf *buf, const struct plan *plan)
{
	size_t i;

	strbuf_addf(buf, "\nRefused, for %zu reason%s:\n", plan->refusal_count,
		    plan->refusal_count == 1 ? "" : "s");
	for (i = 0; i < plan->refusal_count; i++) {
		const struct refusal *refusal = &plan->refusals[i];

		strbuf_addf(buf, "\n  %s: %s\n    why    %s\n    to do  %s\n", refusal->code,
			    refusal->fact, refusal->why, refusal->todo);
	}
}

static void print_coverage(struct strbuf *buf, const struct plan *plan)
{
	const struct free_space *how = free_space_find(plan->free_space);
	bool is_all = strcmp(plan->coverage, "full") == 0;
	char payload[24], tail[24];

	strbuf_addf(buf, "  to encrypt   about %s: %s\n",
		    text_bytes(payload, plan->payload_estimate_bytes),
		    is_all ? "all of it" : "up to where files lie, with room to work in");
	strbuf_addf(buf, "  behind it    about %s: %s\n",
		    text_bytes(tail, plan->tail_estimate_bytes), how ? how->what : "");
}

static void print_stages(struct strbuf *buf, const struct plan *plan)
{
	char boot[24], root[24], shift[24];
	size_t i;

	strbuf_add(buf, "\nWhat will happen\n");
	for (i = 0; i < ARRAY_SIZE(stages); i++) {
		if (is_in_plan(plan, &stages[i]))
			strbuf_addf(buf, "  %-12s %s\n  %-12s (%s)\n", stages[i].when,
				    stages[i].what, "", stages[i].phases);
	}
	strbuf_addf(
		buf,
		"\nThe machine reboots %u times: by itself, but for the last one, which waits "
		"for you\nunless --final-reboot was given. Encryption runs in between and goes on "
		"after a\nreboot or a power cut.\n",
		plan->reboots);
	strbuf_add(buf, "\nSizes afterwards\n");
	if (plan->needs_bootpart)
		strbuf_addf(buf, "  /boot        %s, a new partition, unencrypted\n",
			    text_bytes(boot, plan->boot_bytes));
	strbuf_addf(buf, "  root         %s, encrypted (of it %s header), %s\n",
		    text_bytes(root, plan->root_bytes), text_bytes(shift, plan->shift_bytes),
		    plan->cipher);
	print_coverage(buf, plan);
}

int plan_print(const struct plan *plan, const struct facts *facts, char **ret)
{
	CLEANUP_STRBUF struct strbuf buf = STRBUF_EMPTY;
	size_t i;

	print_machine(&buf, facts);
	if (plan->refusal_count > 0) {
		print_refusals(&buf, plan);
		return strbuf_take(&buf, ret);
	}
	if (facts->has_intent) {
		strbuf_add(&buf, "\nA conversion is under way: see panocrypt-bootstrap status\n");
		return strbuf_take(&buf, ret);
	}
	print_stages(&buf, plan);
	strbuf_add(&buf, "\nTo know\n");
	for (i = 0; i < plan->note_count; i++)
		strbuf_addf(&buf, "  - %s\n", plan->notes[i]);
	strbuf_add(&buf,
		   "\nUntil `place` everything can be put back with: panocrypt-bootstrap undo\n");
	return strbuf_take(&buf, ret);
}

static json_t *refusals_to_json(const struct plan *plan)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < plan->refusal_count; i++) {
		const struct refusal *refusal = &plan->refusals[i];

		json_array_append_new(array, json_pack("{s:s,s:s,s:s,s:s,s:b}", "code",
						       refusal->code, "fact", refusal->fact, "why",
						       refusal->why, "todo", refusal->todo,
						       "overridable", refusal->is_overridable));
	}
	return array;
}

static json_t *notes_to_json(const struct plan *plan)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < plan->note_count; i++)
		json_array_append_new(array, json_string(plan->notes[i]));
	return array;
}

static json_t *stages_to_json(const struct plan *plan)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stages); i++) {
		if (is_in_plan(plan, &stages[i]))
			json_array_append_new(
				array, json_pack("{s:s,s:s,s:s}", "when", stages[i].when, "what",
						 stages[i].what, "phases", stages[i].phases));
	}
	return array;
}

int plan_to_json(const struct plan *plan, const struct facts *facts, json_t **ret)
{
	CLEANUP_JSON json_t *facts_json = NULL;
	json_t *object;
	int r;

	r = facts_to_json(facts, &facts_json);
	if (r < 0)
		return r;
	object = json_pack("{s:b,s:b,s:o,s:o,s:o,s:b,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:b,s:i,s:O}",
			   "refused", plan->refusal_count > 0, "under_way", facts->has_intent,
			   "refusals", refusals_to_json(plan), "notes", notes_to_json(plan),
			   "stages", stages_to_json(plan), "needs_bootpart", plan->needs_bootpart,
			   "boot_bytes", (json_int_t)plan->boot_bytes, "root_bytes",
			   (json_int_t)plan->root_bytes, "shift_bytes",
			   (json_int_t)plan->shift_bytes, "payload_estimate_bytes",
			   (json_int_t)plan->payload_estimate_bytes, "tail_estimate_bytes",
			   (json_int_t)plan->tail_estimate_bytes, "coverage", plan->coverage,
			   "free_space", plan->free_space, "cipher", plan->cipher, "rotate_after",
			   plan->rotate_after, "reboots", (int)plan->reboots, "facts", facts_json);
	if (!object)
		return fail(-ENOMEM, "the plan as JSON: out of memory, or text that isn't UTF-8");
	*ret = object;
	return 0;
}
