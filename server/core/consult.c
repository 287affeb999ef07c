/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An array in no order, as held.c's. The number that the courier returns is of a question, never of
 * a place in the array, so that a late answer finds nobody.
 */
#include "server/core/consult.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/jwk.h"
#include "common/log.h"
#include "server/core/authorizer.h"
#include "server/core/checkpoint_internal.h"

struct waiting {
	uint64_t number; /* of the question; 0: it couldn't be asked */
	uint64_t deadline_ms;
	bool is_test, is_over; /* is_over: consulted says how it ended */
	struct unlock_consulted consulted;
	struct store_authorizer authorizer;
	uint8_t organization[ORGANIZATION_ID_BYTES];
	/* Of an item, what must be known to serve it again; of a test, head alone. */
	struct message_exchange request;
	struct source_address source;
	size_t port;
	uint64_t until_ms;
	bool was_held;
};

struct consults {
	size_t count;
	uint64_t last_number;
	struct waiting waiting[CONSULT_MAX];
};

int consults_open(struct consults **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void consults_close(struct consults *consults)
{
	free(consults);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void end_with(struct waiting *waiting, enum authorizer_cause cause)
{
	waiting->is_over = true;
	waiting->consulted.cause = cause;
}

static int print_question(struct core *core, const struct waiting *waiting, char **ret)
{
	char organization[128];
	struct authorizer_question question = {
		.url = waiting->authorizer.url,
		.organization = organization,
		.device = waiting->is_test ? NULL : waiting->request.device,
		.source = &waiting->source,
		.reason = waiting->consulted.reason,
	};
	CLEANUP_JWK json_t *key = NULL;
	int r;

	memcpy(question.id, waiting->consulted.id, sizeof(question.id));
	r = store_organization_name(core->parts.store, waiting->organization, organization,
				    sizeof(organization));
	if (r == 0)
		r = store_now(core->parts.store, &question.now_s);
	if (r == 0)
		r = checkpoints_key(core->checkpoints, &key);
	return r == 0 ? authorizer_question_print(&question, key, ret) : r;
}

/* Hands the question to the courier. Outcomes: 0, or why not. */
static enum authorizer_cause post(struct core *core, struct waiting *waiting)
{
	struct message_port *port = &core->ports[COURIER];
	CLEANUP_FREE char *text = NULL;
	union message message;

	if (port->fd < 0)
		return AUTHORIZER_BUSY;
	if (random_bytes(waiting->consulted.id, sizeof(waiting->consulted.id)) < 0 ||
	    print_question(core, waiting, &text) != 0) {
		log_error("an authorizer can't be asked: %s", fail_text());
		return AUTHORIZER_FAILED;
	}
	if (strlen(text) >= sizeof(message.deliver.post))
		return AUTHORIZER_FAILED;
	waiting->number = ++core->consults->last_number;
	message_start(&message, MESSAGE_DELIVER, 0, waiting->number);
	message.deliver.timeout_ms = AUTHORIZER_TIMEOUT_MS;
	strcpy(message.deliver.url, waiting->authorizer.url);
	strcpy(message.deliver.ca, waiting->authorizer.ca);
	strcpy(message.deliver.post, text);
	return message_send(port, &message, -1) == 0 ? AUTHORIZER_NOT_ASKED : AUTHORIZER_BUSY;
}

/* Whether asking began well or not: it ends as something that is served. */
static void ask(struct core *core, struct waiting *waiting)
{
	enum authorizer_cause cause;

	waiting->consulted.asked_ms = core_now_ms();
	waiting->deadline_ms = waiting->consulted.asked_ms + AUTHORIZER_TIMEOUT_MS;
	memcpy(waiting->consulted.version, waiting->authorizer.version,
	       sizeof(waiting->consulted.version));
	cause = post(core, waiting);
	if (cause != AUTHORIZER_NOT_ASKED)
		end_with(waiting, cause);
}

/* Room for one more of this organization, or NULL. */
static struct waiting *make_room(struct consults *consults, const uint8_t *organization)
{
	struct waiting *waiting = &consults->waiting[consults->count];
	size_t alike = 0;

	for (size_t i = 0; i < consults->count; i++)
		alike += memcmp(consults->waiting[i].organization, organization,
				ORGANIZATION_ID_BYTES) == 0;
	if (consults->count == CONSULT_MAX || alike >= CONSULT_ORGANIZATION_MAX)
		return NULL;
	*waiting = (struct waiting){ .number = 0 };
	memcpy(waiting->organization, organization, ORGANIZATION_ID_BYTES);
	return waiting;
}

bool consult_add(struct core *core, const struct unlock_item *item)
{
	struct waiting *waiting = make_room(core->consults, item->organization);
	int r;

	if (!waiting)
		return false;
	waiting->request = item->request;
	waiting->source = item->source;
	waiting->port = item->port;
	waiting->until_ms = item->until_ms;
	waiting->was_held = item->was_held;
	waiting->consulted.reason = item->decision.consult_for;
	r = store_authorizer(core->parts.store, item->organization, &waiting->authorizer);
	core->consults->count++;
	if (r == 0) {
		ask(core, waiting);
		return true;
	}
	if (r < 0)
		log_failure(r);
	/* Removed meanwhile, or unreadable: deciding again will show. */
	end_with(waiting, AUTHORIZER_CHANGED);
	return true;
}

/* --- trying ---------------------------------------------------------------------------------- */

static void tell(struct core *core, size_t port, const struct message_head *asked, uint32_t status,
		 const struct unlock_consulted *consulted)
{
	union message message;

	message_start(&message, MESSAGE_CONSULTED, asked->connection, asked->request);
	message.consulted.status = status;
	if (consulted) {
		message.consulted.cause = consulted->cause;
		message.consulted.took_ms = (uint32_t)(core_now_ms() - consulted->asked_ms);
	}
	serve_send(core, port, &message);
}

int consult_try(struct core *core, size_t port, const struct message_consult *asked)
{
	struct waiting *waiting = make_room(core->consults, asked->organization);
	int r = waiting ? store_authorizer(core->parts.store, asked->organization,
					   &waiting->authorizer)
			: 0;

	if (!waiting || r != 0) {
		tell(core, port, &asked->head, r == STORE_NOT_FOUND ? 404 : 503, NULL);
		return MIN(r, 0);
	}
	waiting->is_test = true;
	waiting->request.head = asked->head;
	waiting->port = port;
	core->consults->count++;
	ask(core, waiting);
	return 0;
}

/* --- what came of it ------------------------------------------------------------------------- */

static void remove_at(struct consults *consults, size_t at)
{
	consults->waiting[at] = consults->waiting[--consults->count];
}

void consult_forget(struct core *core, uint64_t connection)
{
	struct consults *consults = core->consults;

	for (size_t i = consults->count; i-- > 0;)
		if (consults->waiting[i].request.head.connection == connection)
			remove_at(consults, i);
}

void consult_forget_port(struct core *core, size_t port)
{
	struct consults *consults = core->consults;

	for (size_t i = consults->count; i-- > 0;)
		if (consults->waiting[i].port == port)
			remove_at(consults, i);
}

uint64_t consult_next_ms(const struct core *core)
{
	uint64_t next_ms = UINT64_MAX;

	for (size_t i = 0; i < core->consults->count; i++) {
		const struct waiting *waiting = &core->consults->waiting[i];

		next_ms = MIN(next_ms, waiting->is_over ? 0 : waiting->deadline_ms);
	}
	return next_ms;
}

static void take_delivered(struct core *core, const struct message_delivered *delivered)
{
	struct authorizer_answer answer = { .header = delivered->header,
					    .allows = delivered->cause == AUTHORIZER_SAID_ALLOW,
					    .expires_s = delivered->expires_s,
					    .signature_len = delivered->signature_len };
	enum authorizer_cause cause = (enum authorizer_cause)delivered->cause;
	struct waiting *waiting = NULL;

	for (size_t i = 0; i < core->consults->count; i++)
		if (core->consults->waiting[i].number == delivered->head.request)
			waiting = &core->consults->waiting[i];
	if (!waiting || waiting->is_over)
		return; /* too late */
	memcpy(answer.id, delivered->id, sizeof(answer.id));
	memcpy(answer.signature, delivered->signature, sizeof(answer.signature));
	if (cause == AUTHORIZER_SAID_ALLOW || cause == AUTHORIZER_SAID_DENY)
		cause = authorizer_answer_check(&answer, &waiting->authorizer,
						waiting->consulted.id);
	waiting->consulted.expires_s = answer.expires_s;
	end_with(waiting, cause);
}

/* The courier keeps to the table, or isn't talked to any more. */
static void read_courier(struct core *core)
{
	struct message_port *port = &core->ports[COURIER];
	union message message;
	int r = 0;

	if (port->fd < 0)
		return;
	while ((r = message_receive(port, &message, NULL)) == 0)
		take_delivered(core, &message.delivered);
	if (r == MESSAGE_END)
		r = fail(-EPROTO, "courier has closed its end");
	if (r < 0)
		serve_drop(core, COURIER);
}

static struct unlock_item item_of(const struct waiting *waiting)
{
	uint64_t now_ms = core_now_ms();

	return (struct unlock_item){ .request = waiting->request,
				     .source = waiting->source,
				     .port = waiting->port,
				     .now_ms = now_ms,
				     .until_ms = waiting->until_ms,
				     .was_held = waiting->was_held,
				     .is_last = waiting->was_held && waiting->until_ms <= now_ms,
				     .consulted = waiting->consulted };
}

/* A test has no decision that would look at the time of expiry. */
static void finish_test(struct core *core, struct waiting *waiting)
{
	uint64_t now_s;

	if (waiting->consulted.cause == AUTHORIZER_SAID_ALLOW &&
	    (store_now(core->parts.store, &now_s) < 0 || waiting->consulted.expires_s <= now_s))
		waiting->consulted.cause = AUTHORIZER_EXPIRED;
	tell(core, waiting->port, &waiting->request.head, 200, &waiting->consulted);
}

void consult_serve(struct core *core)
{
	struct consults *consults = core->consults;
	uint64_t now_ms = core_now_ms();

	read_courier(core);
	for (size_t i = consults->count; i-- > 0;) {
		struct waiting *waiting = &consults->waiting[i];

		if (!waiting->is_over && waiting->deadline_ms <= now_ms)
			end_with(waiting, AUTHORIZER_TIMEOUT);
		if (!waiting->is_over || core->batch_count == UNLOCK_BATCH_MAX)
			continue; /* the rest at once, after these */
		if (waiting->is_test)
			finish_test(core, waiting);
		else
			core->batch[core->batch_count++] = item_of(waiting);
		remove_at(consults, i);
	}
	serve_batch(core);
}
