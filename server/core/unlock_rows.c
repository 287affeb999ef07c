/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See unlock_rows.h. */
#include "server/core/unlock_rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/core/reboot.h"

#define DETAIL_SIZE 192

static int audit_denial(struct core_parts *parts, const struct unlock_item *item,
			const char *detail)
{
	struct audit_denial denial = {
		.event = item->decision.is_pending ? "unlock-pending" : "unlock-denied",
		.reason = reason_name(item->decision.reason),
		.organization = item->organization,
		.device = item->request.device,
		.source = &item->source,
		.detail = detail,
	};

	return audit_denied(parts->audit, parts->store, &denial);
}

int unlock_rows_denied(struct core_parts *parts, const struct unlock_item *item,
		       enum authorizer_cause cause)
{
	if (item->decision.reason != REASON_AUTHORIZER)
		return audit_denial(parts, item, "");
	if (cause == AUTHORIZER_SAID_ALLOW)
		cause = AUTHORIZER_CHANGED;
	return audit_denial(parts, item, authorizer_cause_name(cause));
}

/* Adds the source to the registered addresses. */
static int register_source(const struct facts_reading *reading,
			   char ret_list[static LIST_TEXT_SIZE], char ret[static CIDR_TEXT_SIZE])
{
	struct cidr_list list = reading->facts.registered;

	if (list.count == CIDR_LIST_MAX)
		return fail(-EIO, "the store is damaged: a device has too many addresses");
	list.items[list.count] = cidr_registered(&reading->facts.source);
	cidr_print(&list.items[list.count++], ret);
	return cidr_list_print(&list, ret_list, LIST_TEXT_SIZE);
}

/* What an allowed unlock has changed besides: for its row. */
static void describe(const struct unlock_item *item, const char *registered,
		     char ret[static DETAIL_SIZE])
{
	char id[2 * WAIVER_ID_BYTES + 1];
	size_t used = 0;

	_Static_assert(WAIVER_ID_BYTES == AUTHORIZER_ID_BYTES, "one room for both");
	ret[0] = 0;
	if (item->decision.is_new_address)
		used = (size_t)snprintf(ret, DETAIL_SIZE, "registered %s", registered);
	if (item->has_waiver) {
		text_hex(id, item->waiver.id, WAIVER_ID_BYTES);
		used += (size_t)snprintf(ret + used, DETAIL_SIZE - used, "%swaiver %s",
					 used ? ", " : "", id);
	}
	if (item->consulted.cause == AUTHORIZER_NOT_ASKED)
		return;
	text_hex(id, item->consulted.id, AUTHORIZER_ID_BYTES);
	snprintf(ret + used, DETAIL_SIZE - used, "%sauthorizer %s", used ? ", " : "", id);
}

int unlock_rows_allowed(struct core_parts *parts, const struct unlock_item *item,
			const struct facts_reading *reading)
{
	bool is_native = !decide_is_converting(&reading->facts) && reading->device.left_s > 0;
	const struct reboot_question reboot = {
		.now_s = reading->facts.now_s,
		.is_converting = decide_is_converting(&reading->facts),
		.is_waived = item->has_waiver,
	};
	char registered[LIST_TEXT_SIZE], added[CIDR_TEXT_SIZE] = "";
	char detail[DETAIL_SIZE], source[CIDR_TEXT_SIZE];
	struct store_audit_entry entry = { .event = "unlock-allowed",
					   .reason = reason_name(item->decision.reason),
					   .source = source,
					   .detail = detail,
					   .device = item->request.device };
	int r = 0;

	source_print(&item->source, source);
	if (item->decision.is_new_address)
		r = register_source(reading, registered, added);
	describe(item, added, detail);
	if (r == 0)
		r = store_unlock_seen(parts->store, item->request.device, reading->facts.now_s,
				      item->decision.is_new_address ? registered : NULL, is_native);
	if (r == 0 && item->key.generation < reading->device.generation) {
		snprintf(detail + strlen(detail), sizeof(detail) - strlen(detail), "%san older key",
			 detail[0] ? ", " : "");
		r = store_key_used(parts->store, item->request.device, item->key.generation,
				   reading->facts.now_s);
	}
	if (r == 0)
		r = store_audit_append(parts->store, item->organization, &entry);
	return r != 0 ? r : reboot_note(parts, &reading->device, &reboot, &entry);
}

int unlock_rows_pending(struct core_parts *parts, const struct unlock_item *item, uint64_t now_s)
{
	char source[CIDR_TEXT_SIZE];
	struct store_ask ask = { .organization = item->organization,
				 .device = item->request.device,
				 .source = source,
				 .reason = reason_name(item->decision.reason),
				 .now_s = now_s,
				 .is_repeat = item->was_held };
	struct store_audit_entry entry = { .event = "approval-requested",
					   .source = source,
					   .reason = ask.reason,
					   .device = item->request.device };
	bool is_new = false;
	int r;

	source_print(&item->source, source);
	r = store_approval_ask(parts->store, &ask, &is_new);
	if (r == 0 && is_new)
		r = store_audit_append(parts->store, item->organization, &entry);
	return r != 0 || item->was_held ? r : audit_denial(parts, item, "");
}

int unlock_rows_withheld(struct core_parts *parts, const struct unlock_item *item,
			 enum reason reason)
{
	char source[CIDR_TEXT_SIZE];
	struct store_audit_entry entry = { .event = "unlock-withheld",
					   .reason = reason_name(reason),
					   .source = source,
					   .device = item->request.device };

	source_print(&item->source, source);
	return store_audit_note(parts->store, item->organization, &entry);
}
