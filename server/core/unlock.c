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
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "server/core/facts.h"
#include "server/core/unlock_rows.h"

/* On one node nobody is ever quicker. */
#define SPEND_TRIES 16

static void answer_status(struct unlock_item *item, uint32_t status)
{
	item->answer = (struct message_exchanged){ .status = status };
	item->answer.head.connection = item->request.head.connection;
	item->answer.head.request = item->request.head.request;
}

/* Is it a point of ours? */
static int check_point(struct core_parts *parts, struct unlock_item *item)
{
	int r = EXCHANGE_BAD_POINT;

	_Static_assert(sizeof(item->point.x) == sizeof(item->request.x), "P-521 is the largest");
	memcpy(item->point.x, item->request.x, sizeof(item->point.x));
	memcpy(item->point.y, item->request.y, sizeof(item->point.y));
	if (item->request.curve == MESSAGE_CURVE_P521)
		r = exchange_check(parts->exchange, &item->point);
	item->is_malformed = r == EXCHANGE_BAD_POINT;
	return MIN(r, 0);
}

static struct facts_question question_of(const struct unlock_item *item)
{
	return (struct facts_question){ .device = item->request.device,
					.thumbprint = item->request.thumbprint,
					.source = item->source,
					.now_ms = item->now_ms,
					.is_malformed = item->is_malformed,
					.spent = item->has_waiver ? item->waiver.id : NULL,
					.consulted = &item->consulted };
}

/* Only what looks like guessing is a failure of its source: a machine that its policy refuses must
 * not shut others out behind the same address. */
static void count(struct core_parts *parts, const struct unlock_item *item)
{
	struct source_address key = facts_failure_key(&item->source);
	enum reason reason = item->decision.reason;

	if (reason == REASON_MALFORMED || reason == REASON_UNKNOWN) {
		(void)rate_allows(parts->rate, RATE_CLASS_FAILED, &key, item->now_ms);
	} else if (reason > REASON_SOURCE) {
		memcpy(key.bytes, item->request.device, sizeof(key.bytes));
		(void)rate_allows(parts->rate, RATE_CLASS_DEVICE, &key, item->now_ms);
	}
}

/* Refused before anything was read: belongs to nobody, so it is only counted. */
static int decide_at_once(struct core_parts *parts, struct unlock_item *item, bool *ret_done)
{
	struct facts_question question = question_of(item);
	struct decide_facts facts;

	facts_admit(parts, &question, &facts);
	item->decision = decide(&facts);
	*ret_done = item->decision.reason < REASON_UNKNOWN;
	return *ret_done ? unlock_rows_denied(parts, item, AUTHORIZER_NOT_ASKED) : 0;
}

/* Reads and decides; a second time with what people have allowed, where that could matter. */
static int look(struct core_parts *parts, const struct facts_question *question,
		struct facts_reading *ret, struct decision *ret_decision)
{
	int r = facts_read(parts, question, ret);

	if (r < 0 || ret->is_damaged)
		return r;
	*ret_decision = decide(&ret->facts);
	if (!ret_decision->is_waivable)
		return 0;
	r = facts_read_people(parts, question, ret);
	if (r == 0)
		*ret_decision = decide(&ret->facts);
	return r;
}

/* Takes the reply out of the waiver that the decision names. STORE_CONFLICT: it isn't there any
 * more, decide again. */
static int spend(struct core_parts *parts, struct unlock_item *item,
		 const struct facts_reading *reading)
{
	const struct waiver *waiver = item->decision.waiver;
	struct waiver after;

	if (!waiver)
		return 0;
	after = decide_spend(waiver, &item->source, reading->facts.now_s);
	item->waiver = *waiver;
	item->has_waiver = true;
	item->decision.waiver = NULL;
	return store_waiver_spend(parts->store, &item->waiver, &after);
}

static int decide_by_rows(struct core_parts *parts, struct unlock_item *item)
{
	struct facts_reading reading;
	int r = STORE_CONFLICT;

	for (int i = 0; i < SPEND_TRIES && r == STORE_CONFLICT; i++) {
		struct facts_question question;

		item->has_waiver = false;
		question = question_of(item);
		r = look(parts, &question, &reading, &item->decision);
		if (r == 0 && !reading.is_damaged)
			r = spend(parts, item, &reading);
	}
	if (r == STORE_CONFLICT)
		return fail(-EBUSY, "a waiver is being spent by others all the time");
	if (r < 0)
		return r;
	if (reading.is_damaged) {
		log_error("the store is damaged, a device's policy makes no sense: %s",
			  fail_text());
		answer_status(item, 503);
		return 0;
	}
	item->key = reading.key;
	memcpy(item->organization, reading.device.organization, sizeof(item->organization));
	if (item->decision.is_pending)
		return unlock_rows_pending(parts, item, reading.facts.now_s);
	item->must_consult = item->decision.must_consult;
	if (item->must_consult) /* nothing is decided yet */
		return 0;
	return item->decision.allowed ? unlock_rows_allowed(parts, item, &reading)
				      : unlock_rows_denied(parts, item, reading.cause);
}

static int begin(struct core_parts *parts, const struct unlock_item *items, size_t count)
{
	uint8_t devices[UNLOCK_BATCH_MAX][DEVICE_ID_BYTES];

	for (size_t i = 0; i < count; i++)
		memcpy(devices[i], items[i].request.device, DEVICE_ID_BYTES);
	return store_begin_devices(parts->store, devices, count);
}

/* Inside the transaction. */
static int decide_item(struct core_parts *parts, struct unlock_item *item)
{
	bool is_done = false;
	int r;

	r = decide_at_once(parts, item, &is_done);
	if (r == 0 && !is_done)
		r = decide_by_rows(parts, item);
	if (r == 0 && item->answer.status == 0 && item->consulted.cause == AUTHORIZER_NOT_ASKED)
		count(parts, item); /* before the authorizer is asked, and once */
	return r;
}

static int decide_all(struct core_parts *parts, struct unlock_item *items, size_t count,
		      uint64_t *ret_version)
{
	int r;

	r = begin(parts, items, count);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++)
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
	struct facts_question question = question_of(item);
	struct decision decision = { .reason = REASON_UNKNOWN };
	struct facts_reading reading;
	uint64_t version_now;
	int r;

	do { /* until nothing has changed since what was decided on was read */
		r = store_version(parts->store, &version_now);
		if (r != 0 || version_now == version)
			return r;
		version = version_now;
		r = look(parts, &question, &reading, &decision);
		if (r < 0)
			return r;
	} while (decision.allowed && !reading.is_damaged);
	answer_status(item, 403);
	return unlock_rows_withheld(parts, item, decision.reason);
}

static int finish_item(struct core_parts *parts, struct unlock_item *item, uint64_t version)
{
	int r = 0;

	if (item->answer.status != 0 || item->must_consult)
		return 0;
	if (item->decision.is_pending && !item->is_last) {
		item->is_held = true;
		return 0;
	}
	if (!item->decision.allowed) {
		answer_status(item, item->decision.is_pending
					    ? 503
					    : reason_status(item->decision.reason));
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
			items[i].must_consult = false; /* what was read may not be so */
			answer_status(&items[i], 503);
		} else {
			int finished = finish_item(parts, &items[i], version);

			worst = finished < 0 ? finished : worst;
		}
		reply(&items[i], userdata);
	}
	return worst;
}

int unlock_is_pending(struct core_parts *parts, const struct unlock_item *item, bool *ret)
{
	struct decision decision = { .is_pending = false };
	struct facts_question question = question_of(item);
	struct facts_reading reading;
	int r = look(parts, &question, &reading, &decision);

	if (r == 0)
		*ret = decision.is_pending;
	return r;
}
