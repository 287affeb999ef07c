/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Core and a courier that says whatever it likes: only a right answer, to this question, in time,
 * once, makes an unlock; and what has changed meanwhile counts.
 * UNIT_SOURCES: server/core/core.c server/core/serve.c server/core/unlock*.c server/core/redeem.c
 * UNIT_SOURCES: server/core/reboot.c
 * UNIT_SOURCES: server/core/decide.c server/message_io.c server/process.c server/sandbox.c
 * UNIT_SOURCES: server/cidr.c server/config*.c server/reason.c server/core/advert.c
 * UNIT_SOURCES: server/core/audit.c server/core/connections.c server/core/exchange.c
 * UNIT_SOURCES: server/core/keys.c server/core/mint.c server/core/checkpoint.c
 * UNIT_SOURCES: server/core/checkpoint_gap.c server/core/checkpoint_prune.c
 * UNIT_SOURCES: server/core/checkpoint_format.c server/core/witness.c server/core/parts.c
 * UNIT_SOURCES: server/core/throttle.c server/core/epoch.c server/core/kek.c server/core/pkcs11.c
 * UNIT_SOURCES: server/store/?*.c server/rate.c server/core/facts.c server/waiver.c
 * UNIT_SOURCES: server/core/held.c server/core/explain.c
 * UNIT_SOURCES: server/authorizer.c server/core/consult.c server/core/authorizer.c
 */
#include <time.h>

#include "common/jwk.h"
#include "common/strbuf.h"
#include "tests/unit/server_running.h"

#define DENIALS(cause)                                                                             \
	"SELECT coalesce(sum(count), 0) FROM audit WHERE event = 'unlock-denied'"                  \
	" AND reason = 'authorizer' AND detail = '" cause "'"
#define ALLOWED "SELECT count(*) FROM audit WHERE event = 'unlock-allowed'"

struct scene {
	struct running *running;
	struct message_redeemed device;
	json_t *key; /* the authorizer's */
};

static void set_authorizer(const struct scene *scene, const char *url)
{
	struct fixture *fixture = scene->running->fixture;
	struct store_authorizer authorizer = { .url = "" };

	strcpy(authorizer.url, url);
	assert_ok(js_copy(scene->key, "crv", authorizer.curve, sizeof(authorizer.curve)));
	assert_ok(js_copy(scene->key, "x", authorizer.x, sizeof(authorizer.x)));
	assert_ok(js_copy(scene->key, "y", authorizer.y, sizeof(authorizer.y)));
	assert_ok(store_authorizer_set(fixture->parts.store, &fixture->by, &authorizer, url));
}

static struct scene begin(void **state)
{
	struct scene scene = { .running = *state };

	assert_ok(jwk_generate("ES512", &scene.key));
	scene.device = fixture_device(scene.running->fixture, "[\"192.0.2.0/24\"]");
	set_authorizer(&scene, "https://auth.example/");
	open_connection(scene.running, 1, FIXTURE_FROM);
	return scene;
}

static void end(struct scene *scene)
{
	json_decref(scene->key);
}

static long long count(const struct scene *scene, const char *sql)
{
	return fixture_number(scene->running->fixture, sql);
}

/* A question as the courier gets it, and the id in it. */
struct asked {
	union message message;
	char id[2 * AUTHORIZER_ID_BYTES + 1];
};

static void ask(const struct scene *scene, uint64_t request, struct asked *ret)
{
	CLEANUP_FREE uint8_t *payload = NULL;
	CLEANUP_JSON json_t *value = NULL;
	char *first, *second;
	size_t len;

	send_exchange(scene->running, 0, 1, request, &scene->device);
	expect(&scene->running->courier, MESSAGE_DELIVER, &ret->message);
	first = strchr(ret->message.deliver.post, '.') + 1;
	second = strchr(first, '.');
	*second = '\0';
	assert_ok(b64url_decode(first, 4096, &payload, &len));
	assert_ok(js_parse((const char *)payload, len, 4096, &value));
	assert_ok(js_copy(value, "id", ret->id, sizeof(ret->id)));
	assert_string_equal(json_string_value(json_object_get(value, "source")), FIXTURE_FROM);
}

/* A right answer by this key. */
static union message answer_by(const json_t *key, const struct asked *asked, const char *decision,
			       uint64_t expires_s)
{
	CLEANUP_FREE char *payload = NULL, *text = NULL;
	struct authorizer_answer answer;
	union message message;

	assert_ok(text_format(&payload, "{\"decision\":\"%s\",\"expires\":%llu,\"id\":\"%s\"}",
			      decision, (unsigned long long)expires_s, asked->id));
	assert_ok(jwk_sign_text(key, payload, &text));
	assert_ok(authorizer_answer_parse(text, strlen(text), &answer));
	message_start(&message, MESSAGE_DELIVERED, 0, asked->message.head.request);
	message.delivered.cause = answer.allows ? AUTHORIZER_SAID_ALLOW : AUTHORIZER_SAID_DENY;
	message.delivered.header = answer.header;
	message.delivered.expires_s = answer.expires_s;
	message.delivered.signature_len = (uint32_t)answer.signature_len;
	memcpy(message.delivered.id, answer.id, sizeof(answer.id));
	memcpy(message.delivered.signature, answer.signature, sizeof(answer.signature));
	return message;
}

#define FAR 4000000000U

static uint32_t status_after(const struct scene *scene, const union message *delivered,
			     uint64_t request)
{
	union message got;

	if (delivered)
		assert_ok(message_send(&scene->running->courier, delivered, -1));
	expect(&scene->running->fronts[0], MESSAGE_EXCHANGED, &got);
	assert_int_equal(got.head.request, request);
	return got.exchanged.status;
}

static void takes_a_yes_once(void **state)
{
	struct scene scene = begin(state);
	struct asked asked, again;
	union message yes;

	ask(&scene, 11, &asked);
	assert_string_equal(asked.message.deliver.url, "https://auth.example/");
	assert_int_equal(asked.message.deliver.timeout_ms, 3000);
	assert_int_equal(count(&scene, ALLOWED), 0);
	yes = answer_by(scene.key, &asked, "allow", FAR);
	assert_int_equal(status_after(&scene, &yes, 11), 200);
	assert_int_equal(count(&scene, ALLOWED), 1);
	/* The same once more, for nobody and for the next one. */
	assert_ok(message_send(&scene.running->courier, &yes, -1));
	ask(&scene, 12, &again);
	assert_string_not_equal(again.id, asked.id);
	assert_ok(message_send(&scene.running->courier, &yes, -1));
	yes.head.request = again.message.head.request;
	assert_int_equal(status_after(&scene, &yes, 12), 403);
	assert_int_equal(count(&scene, DENIALS("wrong-id")), 1);
	assert_int_equal(count(&scene, ALLOWED), 1);
	end(&scene);
}

static void believes_no_courier(void **state)
{
	struct scene scene = begin(state);
	CLEANUP_JWK json_t *other = NULL;
	struct asked asked;
	union message lie;

	assert_ok(jwk_generate("ES512", &other));
	ask(&scene, 11, &asked);
	lie = answer_by(other, &asked, "allow", FAR);
	assert_int_equal(status_after(&scene, &lie, 11), 403);
	ask(&scene, 12, &asked);
	lie = answer_by(scene.key, &asked, "deny", FAR);
	lie.delivered.cause = AUTHORIZER_SAID_ALLOW;
	assert_int_equal(status_after(&scene, &lie, 12), 403);
	ask(&scene, 13, &asked);
	message_start(&lie, MESSAGE_DELIVERED, 0, asked.message.head.request);
	lie.delivered.cause = AUTHORIZER_SAID_ALLOW;
	assert_int_equal(status_after(&scene, &lie, 13), 403);
	ask(&scene, 14, &asked);
	lie = answer_by(scene.key, &asked, "allow", 5);
	assert_int_equal(status_after(&scene, &lie, 14), 403);
	assert_int_equal(count(&scene, DENIALS("expired")), 1);
	ask(&scene, 15, &asked);
	message_start(&lie, MESSAGE_DELIVERED, 0, asked.message.head.request);
	lie.delivered.cause = AUTHORIZER_PRIVATE;
	assert_int_equal(status_after(&scene, &lie, 15), 403);
	assert_int_equal(count(&scene, DENIALS("private")), 1);
	assert_int_equal(count(&scene, ALLOWED), 0);
	end(&scene);
}

/* Nothing comes: a no after 3 s, while others are served. What comes later finds nobody. */
static void waits_three_seconds(void **state)
{
	struct scene scene = begin(state);
	struct timespec start, stop;
	struct asked asked;
	union message late;

	clock_gettime(CLOCK_MONOTONIC, &start);
	ask(&scene, 11, &asked);
	message_start(&late, MESSAGE_ADVERTISE, 1, 12);
	memcpy(late.advertise.device, scene.device.device, DEVICE_ID_BYTES);
	assert_ok(message_send(&scene.running->fronts[0], &late, -1));
	expect(&scene.running->fronts[0], MESSAGE_ADVERTISEMENT, &late);
	assert_int_equal(status_after(&scene, NULL, 11), 403);
	clock_gettime(CLOCK_MONOTONIC, &stop);
	assert_true(stop.tv_sec - start.tv_sec >= 2);
	assert_int_equal(count(&scene, DENIALS("timeout")), 1);
	late = answer_by(scene.key, &asked, "allow", FAR);
	assert_ok(message_send(&scene.running->courier, &late, -1));
	ask(&scene, 13, &asked); /* core goes on */
	late = answer_by(scene.key, &asked, "allow", FAR);
	assert_int_equal(status_after(&scene, &late, 13), 200);
	end(&scene);
}

static void decides_anew(void **state)
{
	struct scene scene = begin(state);
	struct fixture *fixture = scene.running->fixture;
	struct asked asked;
	union message yes;

	/* Another setting, even an equal one: the answer was for the former. */
	ask(&scene, 11, &asked);
	set_authorizer(&scene, "https://auth.example/");
	yes = answer_by(scene.key, &asked, "allow", FAR);
	assert_int_equal(status_after(&scene, &yes, 11), 403);
	assert_int_equal(count(&scene, DENIALS("changed")), 1);
	/* None any more: nobody's no counts. */
	ask(&scene, 12, &asked);
	assert_ok(store_authorizer_remove(fixture->parts.store, &fixture->by));
	yes = answer_by(scene.key, &asked, "deny", FAR);
	assert_int_equal(status_after(&scene, &yes, 12), 200);
	set_authorizer(&scene, "https://auth.example/");
	ask(&scene, 13, &asked);
	assert_ok(store_device_change(fixture->parts.store, &fixture->by, scene.device.device,
				      DEVICE_REVOKE));
	yes = answer_by(scene.key, &asked, "allow", FAR);
	assert_int_equal(status_after(&scene, &yes, 13), 403);
	assert_int_equal(count(&scene, "SELECT count(*) FROM audit WHERE event = 'unlock-denied'"
				       " AND reason = 'revoked'"),
			 1);
	end(&scene);
}

static void drops_a_courier_that_breaks_the_table(void **state)
{
	struct scene scene = begin(state);
	struct message_head head = { MESSAGE_DELIVERED, sizeof(head), 0, 1 };
	struct pollfd one = { .fd = scene.running->courier.fd, .events = POLLIN };
	union message message;

	assert_int_equal(send(one.fd, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(poll(&one, 1, 10000), 1);
	assert_int_equal(message_receive(&scene.running->courier, &message, NULL), MESSAGE_END);
	/* Core goes on without one: a no at once. */
	send_exchange(scene.running, 0, 1, 11, &scene.device);
	assert_int_equal(status_after(&scene, NULL, 11), 403);
	assert_int_equal(count(&scene, DENIALS("busy")), 1);
	end(&scene);
}

static void forgets_who_has_gone(void **state)
{
	struct scene scene = begin(state);
	struct asked asked;
	union message message;

	ask(&scene, 11, &asked);
	message_start(&message, MESSAGE_CONNECTION_DONE, 1, 0);
	assert_ok(message_send(&scene.running->fronts[0], &message, -1));
	open_connection(scene.running, 2, FIXTURE_FROM);
	message_start(&message, MESSAGE_ADVERTISE, 2, 12);
	memcpy(message.advertise.device, scene.device.device, DEVICE_ID_BYTES);
	assert_ok(message_send(&scene.running->fronts[0], &message, -1));
	expect(&scene.running->fronts[0], MESSAGE_ADVERTISEMENT, &message);
	message = answer_by(scene.key, &asked, "allow", FAR);
	assert_ok(message_send(&scene.running->courier, &message, -1));
	message_start(&message, MESSAGE_ADVERTISE, 2, 13);
	memcpy(message.advertise.device, scene.device.device, DEVICE_ID_BYTES);
	assert_ok(message_send(&scene.running->fronts[0], &message, -1));
	expect(&scene.running->fronts[0], MESSAGE_ADVERTISEMENT, &message);
	assert_int_equal(message.head.request, 13);
	assert_int_equal(count(&scene, ALLOWED), 0);
	end(&scene);
}

static uint32_t tried(const struct scene *scene, uint32_t *ret_status)
{
	union message message;

	expect(&scene->running->admin, MESSAGE_CONSULTED, &message);
	*ret_status = message.consulted.status;
	return message.consulted.cause;
}

static void tries(void **state)
{
	struct scene scene = begin(state);
	struct fixture *fixture = scene.running->fixture;
	union message message;
	uint64_t number;
	uint32_t status;

	message_start(&message, MESSAGE_CONSULT, 1, 21);
	memcpy(message.consult.organization, fixture->by.organization, 16);
	assert_ok(message_send(&scene.running->admin, &message, -1));
	expect(&scene.running->courier, MESSAGE_DELIVER, &message);
	number = message.head.request;
	message_start(&message, MESSAGE_DELIVERED, 0, number);
	message.delivered.cause = AUTHORIZER_CERTIFICATE;
	assert_ok(message_send(&scene.running->courier, &message, -1));
	assert_int_equal(tried(&scene, &status), AUTHORIZER_CERTIFICATE);
	assert_int_equal(status, 200);
	assert_ok(store_authorizer_remove(fixture->parts.store, &fixture->by));
	message_start(&message, MESSAGE_CONSULT, 1, 22);
	memcpy(message.consult.organization, fixture->by.organization, 16);
	assert_ok(message_send(&scene.running->admin, &message, -1));
	(void)tried(&scene, &status);
	assert_int_equal(status, 404);
	assert_int_equal(count(&scene, "SELECT count(*) FROM audit WHERE event LIKE 'unlock-%'"),
			 0);
	end(&scene);
}

#define WITH_CORE(test) cmocka_unit_test_setup_teardown(test, start_core, stop_core)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CORE(takes_a_yes_once),
		WITH_CORE(believes_no_courier),
		WITH_CORE(waits_three_seconds),
		WITH_CORE(decides_anew),
		WITH_CORE(drops_a_courier_that_breaks_the_table),
		WITH_CORE(forgets_who_has_gone),
		WITH_CORE(tries),
	};

	return cmocka_run_group_tests_name("server_consult", tests, NULL, NULL);
}
