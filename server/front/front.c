/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See front.h. Errors are answered with an empty body and say nothing of why: the reasons are for
 * people and stand in the audit.
 */
#include "server/front/front.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "server/edge/edge.h"
#include "server/front/jwk_request.h"
#include "server/front/routes.h"

static void answer_status(struct connection *connection, int status)
{
	const struct answer answer = { .status = status };

	connection_answer(connection, &answer);
}

static void answer_text(struct connection *connection, const char *type, const char *text,
			size_t len)
{
	const struct answer answer = {
		.status = 200, .content_type = type, .body = text, .len = len
	};

	connection_answer(connection, &answer);
}

static void handle_health(struct connection *connection, const struct front_target *target,
			  const struct request *request)
{
	(void)target;
	(void)request;
	if (connection_core_is_healthy(connection))
		answer_text(connection, "text/plain", "ok\n", 3);
	else
		answer_status(connection, 503);
}

static void handle_advertise(struct connection *connection, const struct front_target *target,
			     const struct request *request)
{
	union message question;

	(void)request;
	message_start(&question, MESSAGE_ADVERTISE, 0, 0);
	memcpy(question.advertise.device, target->device, DEVICE_ID_BYTES);
	memcpy(question.advertise.thumbprint, target->thumbprint, sizeof(target->thumbprint));
	if (!connection_ask(connection, &question))
		answer_status(connection, 503);
}

static void handle_recover(struct connection *connection, const struct front_target *target,
			   const struct request *request)
{
	struct jwk_request jwk;
	union message question;

	if (jwk_request_parse((const uint8_t *)request->body.data, request->body.len, &jwk) < 0) {
		answer_status(connection, 400);
		return;
	}
	message_start(&question, MESSAGE_EXCHANGE, 0, 0);
	memcpy(question.exchange.device, target->device, DEVICE_ID_BYTES);
	memcpy(question.exchange.thumbprint, target->thumbprint, sizeof(target->thumbprint));
	question.exchange.curve = jwk.curve;
	memcpy(question.exchange.x, jwk.x, sizeof(jwk.x));
	memcpy(question.exchange.y, jwk.y, sizeof(jwk.y));
	if (!connection_ask(connection, &question))
		answer_status(connection, 503);
}

static void (*const handlers[FRONT_ROUTE_COUNT])(struct connection *, const struct front_target *,
						 const struct request *) = {
	[FRONT_HEALTH] = handle_health,
	[FRONT_ADVERTISE] = handle_advertise,
	[FRONT_RECOVER] = handle_recover,
};

static void handle(struct connection *connection, const struct request *request)
{
	struct front_target target;
	int r = front_route(request, &target);

	if (r)
		answer_status(connection, r);
	else
		handlers[target.route](connection, &target, request);
}

static void advertised(struct connection *connection, const struct message_advertisement *answer)
{
	if (answer->status == 200)
		answer_text(connection, "application/jose+json", answer->text, answer->len);
	else
		answer_status(connection, (int)answer->status);
}

static void exchanged(struct connection *connection, const struct message_exchanged *answer)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	if (answer->status != 200) {
		answer_status(connection, (int)answer->status);
		return;
	}
	r = jwk_reply_print(answer, &text);
	if (r < 0) {
		log_failure(r);
		answer_status(connection, 500);
		return;
	}
	answer_text(connection, "application/jwk+json", text, strlen(text));
}

static void core_answered(struct connection *connection, const union message *message)
{
	if (message->head.type == MESSAGE_ADVERTISEMENT)
		advertised(connection, &message->advertisement);
	else
		exchanged(connection, &message->exchanged);
}

static const struct edge_service service = {
	.kind = PROCESS_FRONT,
	.body_max_bytes = JWK_REQUEST_MAX_BYTES,
	.handle = handle,
	.core_answered = core_answered,
	.refuse = answer_status,
};

int front_main(const struct front_setup *setup)
{
	char chain[CONFIG_PATH_SIZE], key[CONFIG_PATH_SIZE];
	const struct edge_setup edge = {
		.monitor_fd = setup->monitor_fd,
		.core_fd = setup->core_fd,
		.service = &service,
		.chain_path = chain,
		.key_path = key,
	};

	config_path(setup->config->dir, CONFIG_FILE_LEAF, chain);
	config_path(setup->config->dir, CONFIG_FILE_LEAF_KEY, key);
	return edge_main(&edge);
}
