/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase `header` against a server made of two keys: what it makes, when it counts as done, and
 * that nothing is left behind when the server is not the enrolled one or doesn't unlock.
 * UNIT_SOURCES: bootstrap/cipher.c
 * UNIT_SOURCES: bootstrap/phases/header.c bootstrap/luks.c bootstrap/luks_json.c
 * UNIT_SOURCES: bootstrap/luks_look.c bootstrap/luks_token.c bootstrap/luks_next.c
 * UNIT_SOURCES: bootstrap/recovery.c bootstrap/wiped.c bootstrap/destroy.c
 */
#include "bootstrap/block.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/phase.h"
#include "bootstrap/recovery.h"
#include "bootstrap/unlock.h"
#include "bootstrap/wiped.h"
#include "common/file.h"
#include "common/http_client.h"
#include "common/jwk.h"

#include "tests/unit/unit.h"

#include <jose/jwk.h>

#define UUID "0b5d2c1e-0000-4000-8000-000000000003"
#define DEVICE_URL "https://unlock.example/d/0123456789abcdef0123456789abcdef"

static char folder[] = "/tmp/panocrypt-test-header.XXXXXX";
static char device[128], header[128];
static json_t *signing, *exchange;
static bool server_denies;
static struct config config;
static struct facts facts = { .memory_bytes = 512 * MIB };
static struct job job = { .config = &config, .facts = &facts };

/* --- the gateways ----------------------------------------------------------------------------- */

int block_find(const char *tag, const char *value, char *ret, size_t size)
{
	if (strcmp(tag, "PARTUUID") != 0 || strcmp(value, job.intent.root_partuuid) != 0)
		return -ENODEV; /* the root isn't LUKS yet */
	snprintf(ret, size, "%s", device);
	return 0;
}

int block_size(const char *path, uint64_t *ret)
{
	assert_string_equal(path, device);
	*ret = 128 * MIB;
	return 0;
}

int http_exchange(const struct http_request *request, struct http_answer *ret)
{
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_JSON json_t *keys = json_array();
	json_t *key = NULL;

	assert_string_equal(request->url, DEVICE_URL "/adv");
	assert_string_equal(request->ca_file, "/etc/ca.pem");
	assert_ok(jwk_public(signing, &key));
	json_array_append_new(keys, key);
	assert_ok(jwk_public(exchange, &key));
	json_array_append_new(keys, key);
	assert_ok(jwk_advertise(&signing, 1, keys, &jws));
	*ret = (struct http_answer){ .status = 200 };
	assert_ok(js_print(jws, &ret->body));
	ret->body_len = strlen(ret->body);
	return 0;
}

void http_answer_done(struct http_answer *answer)
{
	free(answer->body);
}

int http_answer_check(const struct http_answer *answer, const char *what UNUSED)
{
	return answer->status == 200 ? 0 : -EPROTO;
}

/* What clevis and the server do together. */
int unlock_clevis(const struct luks_where *where, unsigned timeout_s, struct secret *ret)
{
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JSON json_t *request = NULL;
	CLEANUP_JSON json_t *ephemeral = NULL;
	CLEANUP_JSON json_t *reply = NULL;
	CLEANUP_FREE char *kid = NULL;
	int slot;

	if (server_denies)
		return fail(-EACCES, "denied");
	assert_true(timeout_s > 0);
	assert_ok(luks_clevis_jwe(where, &jwe, &slot));
	assert_ok(jwk_recovery_request(jwe, &request, &ephemeral, &kid));
	reply = jose_jwk_exc(NULL, exchange, request);
	assert_non_null(reply);
	return jwk_recovery_unseal(jwe, ephemeral, reply, ret);
}

/* --- the tests -------------------------------------------------------------------------------- */

static int make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(device, sizeof(device), "%s/device", folder);
	snprintf(header, sizeof(header), "%s/header.img", folder);
	assert_ok(file_replace_text(device, "", 0600));
	assert_int_equal(truncate(device, 128 * MIB), 0);
	assert_ok(jwk_generate("ES512", &signing));
	assert_ok(jwk_generate("ECMR", &exchange));
	job.state_dir = folder;
	snprintf(job.intent.luks_uuid, UUID_SIZE, UUID);
	snprintf(job.intent.root_partuuid, UUID_SIZE, "1f6b3c1e-0000-4000-8000-000000000004");
	snprintf(job.intent.device_url, sizeof(job.intent.device_url), DEVICE_URL);
	snprintf(job.intent.ca_file, sizeof(job.intent.ca_file), "/etc/ca.pem");
	snprintf(job.intent.cipher, sizeof(job.intent.cipher), "aes-xts-plain64");
	snprintf(job.intent.recovery, sizeof(job.intent.recovery), "generated");
	job.intent.shift_bytes = 16 * MIB;
	assert_ok(jwk_thumbprint(signing, job.intent.thumbprint));
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	json_decref(signing);
	json_decref(exchange);
	unlink(device);
	return rmdir(folder); /* fails when a file of the phase is left */
}

static void makes_a_proven_header(void **state)
{
	const struct luks_where where = { header, NULL };
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, key = SECRET_EMPTY,
				     recovery = SECRET_EMPTY;
	struct luks_status status;

	(void)state;
	assert_int_equal(phase_header.done(&job), 0);
	assert_ok(phase_header.run(&job));
	assert_int_equal(phase_header.done(&job), 1);
	assert_ok(luks_look(&where, &status));
	assert_string_equal(status.uuid, UUID);
	assert_int_equal(status.slot_count, 2);
	assert_int_equal(status.data_offset_bytes, 16 * MIB);
	assert_int_equal(wiped_is_pending(&where), 1);
	assert_ok(unlock_clevis(&where, 1, &secret));
	assert_int_equal(secret.len, 43); /* 256 bits in base64url */
	assert_ok(luks_volume_key(&where, &secret, &key));
	assert_ok(recovery_open(&where, &key, &recovery));
	assert_int_equal(luks_try_passphrase(&where, &recovery), 0);
}

static void another_uuid_is_not_done(void **state)
{
	(void)state;
	job.intent.luks_uuid[0] = '9';
	assert_int_equal(phase_header.done(&job), 0);
	job.intent.luks_uuid[0] = UUID[0];
	assert_int_equal(phase_header.done(&job), 1);
}

static void undo_leaves_nothing(void **state)
{
	(void)state;
	assert_ok(phase_header.undo(&job));
	assert_false(file_exists(header));
	assert_int_equal(phase_header.done(&job), 0);
	assert_ok(phase_header.undo(&job));
}

static void a_denial_leaves_it_undone(void **state)
{
	(void)state;
	server_denies = true;
	assert_int_equal(phase_header.run(&job), -EACCES);
	server_denies = false;
	assert_false(file_exists(header));
	assert_int_equal(phase_header.done(&job), 0);
	assert_ok(phase_header.undo(&job));
}

static void a_cipher_of_nobody_is_refused(void **state)
{
	(void)state;
	strcpy(job.intent.cipher, "rot13-plain64");
	assert_int_equal(phase_header.run(&job), -EINVAL);
	strcpy(job.intent.cipher, "aes-xts-plain64");
	assert_false(file_exists(header));
}

static void another_server_is_refused(void **state)
{
	char first = job.intent.thumbprint[0];

	(void)state;
	job.intent.thumbprint[0] = first == 'A' ? 'B' : 'A';
	assert_true(phase_header.run(&job) < 0);
	job.intent.thumbprint[0] = first;
	assert_int_equal(phase_header.done(&job), 0);
	assert_ok(phase_header.undo(&job));
}

static void passphrase_comes_from_a_file(void **state)
{
	const struct luks_where where = { header, NULL };
	CLEANUP_SECRET struct secret text = SECRET_EMPTY, key = SECRET_EMPTY, none = SECRET_EMPTY;
	char path[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/passphrase", folder);
	snprintf(job.intent.recovery, sizeof(job.intent.recovery), "file");
	assert_true(phase_header.run(&job) < 0);
	assert_said("--recovery-passphrase-file");

	config.recovery_passphrase_file = path;
	assert_ok(file_replace_text(path, "short\n", 0600));
	assert_int_equal(phase_header.run(&job), -EINVAL);
	assert_said("fewer than 8");

	assert_ok(file_replace_text(path, "long enough to keep\n", 0600));
	assert_ok(phase_header.run(&job));
	assert_ok(secret_copy(&text, "long enough to keep", 19));
	assert_ok(luks_volume_key(&where, &text, &key));
	assert_int_equal(recovery_open(&where, &key, &none), -ENOENT);
	unlink(path);
	assert_ok(phase_header.undo(&job));
}

/* With --rotate-after: each passphrase opens both keys, and the old one alone doesn't lead to the
 * sealed passphrase. */
static void makes_the_next_keys_slots(void **state)
{
	const struct luks_where where = { header, NULL };
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, used = SECRET_EMPTY,
				     next = SECRET_EMPTY, recovery = SECRET_EMPTY;
	CLEANUP_SECRET struct secret used_too = SECRET_EMPTY, next_too = SECRET_EMPTY,
				     key = SECRET_EMPTY, none = SECRET_EMPTY;
	struct luks_status status;

	(void)state;
	snprintf(job.intent.recovery, sizeof(job.intent.recovery), "generated");
	config.recovery_passphrase_file = NULL;
	job.intent.rotate_after = true;
	assert_ok(phase_header.run(&job));
	job.intent.rotate_after = false;
	assert_ok(luks_look(&where, &status));
	assert_int_equal(status.used_key, 0);
	assert_int_equal(status.slots_of[0], 1 << 0 | 1 << 1);
	assert_int_equal(status.slots_of[LUKS_NEXT_KEY], 1 << 2 | 1 << 3);
	assert_int_equal(status.other_slots, 0);
	assert_true(status.has_idle_clevis);

	assert_ok(unlock_clevis(&where, 1, &secret));
	assert_ok(luks_both_keys(&where, &secret, &used, &next));
	assert_false(secret_equal(&used, &next));
	assert_ok(luks_volume_key(&where, &secret, &key));
	assert_true(secret_equal(&used, &key));
	assert_int_equal(recovery_open(&where, &used, &none), -EBADMSG);
	assert_ok(recovery_open(&where, &next, &recovery));
	assert_ok(luks_both_keys(&where, &recovery, &used_too, &next_too));
	assert_true(secret_equal(&used, &used_too) && secret_equal(&next, &next_too));
	assert_int_equal(luks_next_tidy(&where), -EUCLEAN); /* it has not changed yet */
	assert_ok(phase_header.undo(&job));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_proven_header),
		cmocka_unit_test(another_uuid_is_not_done),
		cmocka_unit_test(undo_leaves_nothing),
		cmocka_unit_test(a_denial_leaves_it_undone),
		cmocka_unit_test(a_cipher_of_nobody_is_refused),
		cmocka_unit_test(another_server_is_refused),
		cmocka_unit_test(passphrase_comes_from_a_file),
		cmocka_unit_test(makes_the_next_keys_slots),
	};

	return cmocka_run_group_tests(tests, make, remove_all);
}
