/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What core does with each message. A peer that breaks the contract is dropped here; which message
 * may come from whom is process.c's table.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/err.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/core/consult.h"
#include "server/core/explain.h"
#include "server/core/internal.h"
#include "server/core/mint.h"
#include "server/core/redeem.h"

/* --- peers ----------------------------------------------------------------------------------- */

void serve_drop(struct core *core, size_t port)
{
	log_error("%s: it is not talked to any more", fail_text());
	/* Others hold this end too (the monitor, for restarts): closing alone would tell nobody. */
	(void)shutdown(core->ports[port].fd, SHUT_RDWR);
	close(TAKE_FD(core->ports[port].fd));
	held_forget_port(core->held, port);
	consult_forget_port(core, port);
	if (port >= FRONTS)
		core->front_count--;
}

void serve_send(struct core *core, size_t port, const union message *message)
{
	int r;

	if (core->ports[port].fd < 0)
		return;
	r = message_send(&core->ports[port], message, -1);
	if (r == MESSAGE_LATER)
		log_warning("%s doesn't read its answers: one is lost",
			    process_table[core->ports[port].peer].name);
	else if (r < 0)
		log_failure(r);
}

static void tell_health(struct core *core, const char *reason)
{
	union message message;

	message_start(&message, MESSAGE_HEALTH, 0, 0);
	message.health.healthy = core->unwell ? 0 : 1;
	snprintf(message.health.reason, sizeof(message.health.reason), "%.100s", reason);
	for (size_t port = ADMIN; port < core->port_count; port++)
		serve_send(core, port, &message);
}

void core_unwell(struct core *core, int r)
{
	if (r == -ESTALE) { /* of a rotation, or one damaged row? */
		core->is_stale |= epochs_look(core->parts.epochs, core->parts.store) == -ESTALE;
		return;
	}
	if (r >= 0 || core->unwell)
		return;
	log_error("can't answer: %s", fail_text());
	core->unwell = true;
	core->flush_ms = core_now_ms() + HEALTH_RETRY_MS;
	tell_health(core, fail_text());
}

void core_well(struct core *core)
{
	if (!core->unwell)
		return;
	log_info("answering again");
	core->unwell = false;
	tell_health(core, "");
}

int serve_monitor(struct core *core)
{
	union message message;
	int r;

	while ((r = message_receive(&core->ports[MONITOR], &message, NULL)) == 0) {
		uint64_t id = message.head.connection;

		if (message.head.type == MESSAGE_CONNECTION_CLOSED) {
			connections_end(core->parts.connections, id);
			held_forget(core->held, id);
			consult_forget(core, id);
		} else {
			r = connections_add(core->parts.connections, id,
					    &message.connection.source);
		}
		if (r < 0)
			return r;
	}
	return r == MESSAGE_LATER ? 0 : r;
}

/* Where a question comes from. NULL with a sentence: the monitor never named that connection. */
static const struct source_address *source_of(struct core *core, uint64_t connection)
{
	const struct source_address *source;

	source = connections_source(core->parts.connections, connection);
	if (!source &&
	    serve_monitor(core) == 0) /* the monitor speaks first; we may not have read */
		source = connections_source(core->parts.connections, connection);
	if (!source)
		(void)fail(-EPROTO, "a question about a connection that doesn't exist");
	return source;
}

/* --- questions ------------------------------------------------------------------------------- */

struct question {
	struct core *core;
	size_t port;
	union message *message;
	const struct source_address *source;
};

static int take_exchange(struct question *question)
{
	struct core *core = question->core;
	struct unlock_item *item = &core->batch[core->batch_count++];

	item->request = question->message->exchange;
	item->source = *question->source;
	item->port = question->port;
	item->now_ms = core_now_ms();
	return 0;
}

static int serve_advertise(struct question *question)
{
	struct core_parts *parts = &question->core->parts;
	const struct message_advertise *asked = &question->message->advertise;
	const char *text = NULL;
	union message out;
	int r;

	message_start(&out, MESSAGE_ADVERTISEMENT, asked->head.connection, asked->head.request);
	r = adverts_get(parts->adverts, parts->keys, parts->store, asked->device, asked->thumbprint,
			&text);
	if (r == 0 && strlen(text) > sizeof(out.advertisement.text))
		r = fail(-E2BIG, "an advertisement of %zu bytes", strlen(text));
	out.advertisement.status = r == 0 ? 200 : r == STORE_NOT_FOUND ? 403 : 503;
	if (r == 0) {
		out.advertisement.len = (uint32_t)strlen(text);
		memcpy(out.advertisement.text, text, strlen(text));
	}
	serve_send(question->core, question->port, &out);
	return MIN(r, 0);
}

static int serve_redeem(struct question *question)
{
	struct message_redeem *asked = &question->message->redeem;
	union message out;
	int r;

	message_start(&out, MESSAGE_REDEEMED, asked->head.connection, asked->head.request);
	r = redeem_serve(&question->core->parts, asked, question->source, core_now_ms(),
			 &out.redeemed);
	serve_send(question->core, question->port, &out);
	secret_wipe(&out, sizeof(out));
	return r;
}

static int serve_mint(struct question *question)
{
	const struct message_mint *asked = &question->message->mint;
	union message out;
	int r;

	message_start(&out, MESSAGE_REDEEMED, asked->head.connection, asked->head.request);
	r = mint_device(&question->core->parts, asked, question->source, &out.redeemed);
	serve_send(question->core, question->port, &out);
	return r;
}

static int serve_rotate(struct question *question)
{
	const struct message_rotate *asked = &question->message->rotate;
	union message out;
	int r;

	message_start(&out, MESSAGE_REDEEMED, asked->head.connection, asked->head.request);
	r = mint_rotate(&question->core->parts, asked, question->source, &out.redeemed);
	serve_send(question->core, question->port, &out);
	return r;
}

static int serve_mint_key(struct question *question)
{
	const struct message_mint_key *asked = &question->message->mint_key;
	union message out;
	int r;

	message_start(&out, MESSAGE_KEY_MINTED, asked->head.connection, asked->head.request);
	r = mint_key(&question->core->parts, asked, question->source, &out.key_minted);
	serve_send(question->core, question->port, &out);
	secret_wipe(&out, sizeof(out));
	return r;
}

static int serve_explain(struct question *question)
{
	const struct message_explain *asked = &question->message->explain;
	union message out;
	int r;

	message_start(&out, MESSAGE_EXPLAINED, asked->head.connection, asked->head.request);
	r = explain_serve(&question->core->parts, asked, core_now_ms(), &out.explained);
	serve_send(question->core, question->port, &out);
	return r;
}

static int serve_consult(struct question *question)
{
	return consult_try(question->core, question->port, &question->message->consult);
}

static int end_connection(struct question *question)
{
	connections_remove(question->core->parts.connections, question->message->head.connection);
	held_forget(question->core->held, question->message->head.connection);
	consult_forget(question->core, question->message->head.connection);
	return 0;
}

/* Who may send what is process.c's table; here is what core does with it. */
static int (*const serve[MESSAGE_TYPE_COUNT])(struct question *question) = {
	[MESSAGE_CONNECTION_DONE] = end_connection,
	[MESSAGE_EXCHANGE] = take_exchange,
	[MESSAGE_ADVERTISE] = serve_advertise,
	[MESSAGE_REDEEM] = serve_redeem,
	[MESSAGE_MINT] = serve_mint,
	[MESSAGE_MINT_KEY] = serve_mint_key,
	[MESSAGE_ROTATE] = serve_rotate,
	[MESSAGE_EXPLAIN] = serve_explain,
	[MESSAGE_CONSULT] = serve_consult,
};

/* One question of a port; MESSAGE_LATER when there is none. Drops who breaks the contract. */
static int serve_port(struct core *core, size_t port)
{
	union message message;
	struct question question = { core, port, &message, NULL };
	int r;

	r = message_receive(&core->ports[port], &message, NULL);
	if (r == MESSAGE_LATER)
		return r;
	if (r == MESSAGE_END)
		r = fail(-EPROTO, "%s has closed its end",
			 process_table[core->ports[port].peer].name);
	if (r == 0) {
		question.source = source_of(core, message.head.connection);
		if (!question.source || !serve[message.head.type])
			r = -EPROTO;
	}
	if (r < 0) {
		serve_drop(core, port);
		return 0;
	}
	r = serve[message.head.type](&question);
	secret_wipe(&message, message.head.size_bytes);
	core_unwell(core, r);
	return 0;
}

bool serve_ports(struct core *core)
{
	size_t taken = 0;
	bool is_empty;

	do {
		is_empty = true;
		for (size_t port = ADMIN; port < core->port_count; port++) {
			if (core->ports[port].fd < 0 || taken == UNLOCK_BATCH_MAX)
				continue;
			if (serve_port(core, port) == MESSAGE_LATER)
				continue;
			is_empty = false;
			taken++;
		}
	} while (!is_empty && taken < UNLOCK_BATCH_MAX);
	return is_empty;
}

static void reply(const struct unlock_item *item, void *userdata)
{
	struct core *core = userdata;
	union message out;

	if (item->is_held && held_add(core->held, item))
		return;
	if (item->must_consult && consult_add(core, item))
		return;
	message_start(&out, MESSAGE_EXCHANGED, item->request.head.connection,
		      item->request.head.request);
	out.exchanged.status = item->is_held || item->must_consult ? 503 : item->answer.status;
	out.exchanged.curve = item->answer.curve;
	memcpy(out.exchanged.x, item->answer.x, sizeof(out.exchanged.x));
	memcpy(out.exchanged.y, item->answer.y, sizeof(out.exchanged.y));
	serve_send(core, item->port, &out);
}

void serve_batch(struct core *core)
{
	if (core->batch_count == 0)
		return;
	core_unwell(core, unlock_serve(&core->parts, core->batch, core->batch_count, reply, core));
	secret_wipe(core->batch, core->batch_count * sizeof(core->batch[0]));
	core->batch_count = 0;
}

/* Is it worth a transaction? Whoever can't be looked at is served, and fails in the open. */
static bool is_ready(struct core *core, const struct unlock_item *item, bool has_changed)
{
	bool is_pending = true;

	if (item->is_last)
		return true;
	return has_changed &&
	       (unlock_is_pending(&core->parts, item, &is_pending) < 0 || !is_pending);
}

void serve_held(struct core *core)
{
	uint64_t now = core_now_ms(), version = 0;
	bool has_changed;

	if (held_count(core->held) == 0 || now < core->held_look_ms)
		return;
	core->held_look_ms = now + HELD_LOOK_MS;
	has_changed = store_version(core->parts.store, &version) != 0 ||
		      version != core->held_version;
	core->held_version = version;
	for (size_t i = held_count(core->held); i-- > 0;) {
		struct unlock_item item = held_look(core->held, i, now);

		if (!is_ready(core, &item, has_changed))
			continue;
		core->batch[core->batch_count++] = held_take(core->held, i, now);
		if (core->batch_count == UNLOCK_BATCH_MAX)
			break; /* the rest at once, after these */
	}
	if (core->batch_count == UNLOCK_BATCH_MAX) {
		core->held_look_ms = now;
		core->held_version = 0;
	}
	serve_batch(core);
}
