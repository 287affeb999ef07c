/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch of exchanges: check the points, begin, read, decide, audit, commit, multiply, answer.
 * Nothing is multiplied before the commit, so that the store is held only for its own work.
 *
 * After a change by an admin has returned, no answer may leave that the change forbids. A change
 * between our commit and our answer is seen by the store's version: then the decision is made again
 * on fresh rows, and an item that no longer passes is refused.
 */
#include "server/core/unlock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

/* What was read for one decision. */
struct reading {
	struct decide_facts facts;
	struct store_unlock device;
	bool is_damaged; /* its rows make no sense: neither allowed nor denied */
};

static void answer_status(struct unlock_item *item, uint32_t status)
{
	item->answer = (struct message_exchanged){ .status = status };
	item->answer.head.connection = item->request.head.connection;
	item->answer.head.request = item->request.head.request;
}

/* 400 at once for what can't be a point of ours; else still 0. */
static int check_point(struct core_parts *parts, struct unlock_item *item)
{
	int r = EXCHANGE_BAD_POINT;

	_Static_assert(sizeof(item->point.x) == sizeof(item->request.x), "P-521 is the largest");
	memcpy(item->point.x, item->request.x, sizeof(item->point.x));
	memcpy(item->point.y, item->request.y, sizeof(item->point.y));
	if (item->request.curve == MESSAGE_CURVE_P521)
		r = exchange_check(parts->exchange, &item->point);
	if (r < 0)
		return r;
	answer_status(item, r == EXCHANGE_BAD_POINT ? 400 : 0);
	return 0;
}

/* Everything the decision needs, from rows as they are now. */
static int read_facts(struct core_parts *parts, struct unlock_item *item, struct reading *ret)
{
	struct decide_facts *facts = &ret->facts;
	int r;

	memset(ret, 0, sizeof(*ret));
	facts->source = item->source;
	r = store_now(parts->store, &facts->now_s);
	if (r == 0)
		r = store_unlock(parts->store, item->request.device, &ret->device);
	if (r != 0)
		return r == STORE_NOT_FOUND ? 0 : r;
	facts->device_known = true;
	facts->disabled = ret->device.disabled;
	facts->quarantined = ret->device.quarantined;
	facts->revoked_s = ret->device.revoked_s;
	facts->converting_until_s = ret->device.converting_until_s;
	r = cidr_list_parse(ret->device.allow_from, &facts->allow_from);
	if (r == 0)
		r = cidr_list_parse(ret->device.registered, &facts->registered);
	if (r < 0) {
		ret->is_damaged = true;
		return 0;
	}
	r = store_key(parts->store, item->request.device, item->request.thumbprint, &item->key);
	/* A destroyed device has no key any more: it is denied as revoked, which it is too. */
	facts->key_known = r == 0 || ret->device.destroyed_s > 0;
	return r == STORE_NOT_FOUND ? 0 : r;
}

static int audit_denial(struct core_parts *parts, const struct unlock_item *item)
{
	struct audit_denial denial = {
		.event = "unlock-denied",
		.reason = reason_name(item->decision.reason),
		.organization = item->organization,
		.device = item->request.device,
		.source = &item->source,
		.detail = "",
	};

	return audit_denied(parts->audit, parts->store, &denial);
}

/* Adds the source to the registered addresses; texts for the row and for the audit. */
static int register_source(const struct reading *reading, char ret_list[static LIST_TEXT_SIZE],
			   char ret_detail[static 80])
{
	struct cidr_list list = reading->facts.registered;
	char text[CIDR_TEXT_SIZE];

	if (list.count == CIDR_LIST_MAX)
		return fail(-EIO, "the store is damaged: a device has too many addresses");
	list.items[list.count] = cidr_registered(&reading->facts.source);
	cidr_print(&list.items[list.count++], text);
	snprintf(ret_detail, 80, "registered %s", text);
	return cidr_list_print(&list, ret_list, LIST_TEXT_SIZE);
}

static int note_allowed(struct core_parts *parts, const struct unlock_item *item,
			const struct reading *reading)
{
	bool is_native = !decide_is_converting(&reading->facts) && reading->device.left_s > 0;
	char registered[LIST_TEXT_SIZE], detail[80] = "", source[CIDR_TEXT_SIZE];
	struct store_audit_entry entry = { .event = "unlock-allowed",
					   .reason = reason_name(item->decision.reason),
					   .source = source,
					   .detail = detail,
					   .device = item->request.device };
	int r = 0;

	source_print(&item->source, source);
	if (item->decision.is_new_address)
		r = register_source(reading, registered, detail);
	if (r == 0)
		r = store_unlock_seen(parts->store, item->request.device, reading->facts.now_s,
				      item->decision.is_new_address ? registered : NULL, is_native);
	if (r == 0 && item->key.generation < reading->device.generation) {
		snprintf(detail + strlen(detail), sizeof(detail) - strlen(detail), "%san older key",
			 detail[0] ? ", " : "");
		r = store_key_used(parts->store, item->request.device, item->key.generation,
				   reading->facts.now_s);
	}
	return r != 0 ? r : store_audit_append(parts->store, item->organization, &entry);
}

/* Inside the transaction. */
static int decide_item(struct core_parts *parts, struct unlock_item *item)
{
	struct reading reading;
	int r;

	r = read_facts(parts, item, &reading);
	if (r < 0)
		return r;
	if (reading.is_damaged) {
		log_error("the store is damaged, a device's addresses make no sense: %s",
			  fail_text());
		answer_status(item, 503);
		return 0;
	}
	item->decision = decide(&reading.facts);
	memcpy(item->organization, reading.device.organization, sizeof(item->organization));
	return item->decision.allowed ? note_allowed(parts, item, &reading)
				      : audit_denial(parts, item);
}

static int begin(struct core_parts *parts, const struct unlock_item *items, size_t count)
{
	uint8_t devices[UNLOCK_BATCH_MAX][DEVICE_ID_BYTES];

	for (size_t i = 0; i < count; i++)
		memcpy(devices[i], items[i].request.device, DEVICE_ID_BYTES);
	return store_begin_devices(parts->store, devices, count);
}

static int decide_all(struct core_parts *parts, struct unlock_item *items, size_t count,
		      uint64_t *ret_version)
{
	int r;

	r = begin(parts, items, count);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++)
		if (items[i].answer.status == 0)
			r = decide_item(parts, &items[i]);
	if (r == 0)
		r = store_version(parts->store, ret_version);
	r = core_parts_end(parts, r);
	return r > 0 ? fail(-EIO, "the store contradicts itself while deciding") : r;
}

static int multiply(struct core_parts *parts, struct unlock_item *item)
{
	struct exchange_point product;
	const uint8_t *scalar;
	int r;

	r = keys_exchange(parts->keys, item->request.device, &item->key, &scalar);
	if (r == 0)
		r = exchange_multiply(parts->exchange, scalar, &item->point, &product);
	if (r < 0)
		return r;
	answer_status(item, 200);
	item->answer.curve = MESSAGE_CURVE_P521;
	memcpy(item->answer.x, product.x, sizeof(product.x));
	memcpy(item->answer.y, product.y, sizeof(product.y));
	return 0;
}

/* Allowed and multiplied: is it still allowed now that the answer is about to leave? */
static int check_again(struct core_parts *parts, struct unlock_item *item, uint64_t version)
{
	struct store_audit_entry entry = { .event = "unlock-withheld",
					   .device = item->request.device };
	char source[CIDR_TEXT_SIZE];
	struct decision decision;
	struct reading reading;
	uint64_t version_now;
	int r;

	do { /* until nothing has changed since what was decided on was read */
		r = store_version(parts->store, &version_now);
		if (r != 0 || version_now == version)
			return r;
		version = version_now;
		r = read_facts(parts, item, &reading);
		if (r < 0)
			return r;
		decision = decide(&reading.facts);
	} while (decision.allowed && !reading.is_damaged);
	answer_status(item, 403);
	source_print(&item->source, source);
	entry.source = source;
	entry.reason = reason_name(decision.reason);
	return store_audit_note(parts->store, item->organization, &entry);
}

static int finish_item(struct core_parts *parts, struct unlock_item *item, uint64_t version)
{
	int r = 0;

	if (item->answer.status != 0)
		return 0;
	if (!item->decision.allowed) {
		answer_status(item, 403);
		return 0;
	}
	r = multiply(parts, item);
	if (r < 0) { /* this device's key, not the store, is at fault; or the KEK was rotated */
		log_failure(-EIO);
		answer_status(item, 503);
		return r == -ESTALE ? r : 0;
	}
	r = check_again(parts, item, version);
	if (r != 0)
		answer_status(item, 503);
	return r;
}

int unlock_serve(struct core_parts *parts, struct unlock_item *items, size_t count,
		 void (*reply)(const struct unlock_item *item, void *userdata), void *userdata)
{
	uint64_t version = 0;
	int r = 0, worst;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_point(parts, &items[i]);
	if (r == 0)
		r = decide_all(parts, items, count, &version);
	worst = r;
	for (size_t i = 0; i < count; i++) {
		if (r < 0) {
			answer_status(&items[i], 503);
		} else {
			int finished = finish_item(parts, &items[i], version);

			worst = finished < 0 ? finished : worst;
		}
		reply(&items[i], userdata);
	}
	return worst;
}
