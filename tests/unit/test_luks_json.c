/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LUKS2 metadata: every state a conversion passes through, and metadata that a damaged or hostile
 * disk may hold.
 * UNIT_SOURCES: bootstrap/luks_json.c
 */
#include "bootstrap/luks_json.h"

#include "tests/unit/unit.h"

#define SLOT "{\"type\":\"luks2\",\"kdf\":{\"type\":\"pbkdf2\",\"salt\":\"c2xvdA==\"}}"
#define HEAD "{\"keyslots\":{\"0\":" SLOT ",\"1\":" SLOT
#define REST                                                                                       \
	"},\"tokens\":{\"0\":{\"type\":\"clevis\",\"keyslots\":[\"1\"]},"                          \
	"\"7\":{\"type\":\"panocrypt-x\",\"keyslots\":[]}},"                                       \
	"\"digests\":{\"0\":{\"salt\":\"ZGlnZXN0\"}},\"segments\":{"
#define CONFIG(requirements)                                                                       \
	"},\"config\":{\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"" requirements "}}"
#define BUSY ",\"requirements\":{\"mandatory\":[\"online-reencrypt-v2\"]}"
#define BACKUPS                                                                                    \
	",\"8\":{\"type\":\"linear\",\"offset\":\"900\",\"size\":\"512\","                         \
	"\"flags\":[\"backup-moved-segment\"]},"                                                   \
	"\"9\":{\"type\":\"crypt\",\"offset\":\"512\",\"size\":\"dynamic\","                       \
	"\"flags\":[\"backup-final\"]}"
#define LINEAR(n, offset, size)                                                                    \
	"\"" #n "\":{\"type\":\"linear\",\"offset\":\"" #offset "\",\"size\":\"" #size "\"}"
#define CRYPT(n, size, flags)                                                                      \
	"\"" #n "\":{\"type\":\"crypt\",\"offset\":\"512\",\"size\":\"" #size "\"" flags "}"
#define HOT ",\"flags\":[\"in-reencryption\"]"

static json_t *parsed(const char *text)
{
	json_t *metadata = NULL;

	assert_ok(luks_json_parse(text, strlen(text), &metadata));
	return metadata;
}

static struct luks_status status_of(const char *text)
{
	CLEANUP_JSON json_t *metadata = parsed(text);
	struct luks_status status;

	assert_ok(luks_json_status(metadata, &status));
	return status;
}

static void finished(void **state)
{
	struct luks_status s = status_of(HEAD REST CRYPT(0, dynamic, "") CONFIG(""));

	(void)state;
	assert_false(s.is_reencrypting);
	assert_true(s.is_first_chunk_done);
	assert_int_equal(s.data_offset_bytes, 512);
	assert_int_equal(s.payload_bytes, 0);
	assert_int_equal(s.slot_count, 2);
	assert_int_equal(s.token_count, 2);
	assert_int_equal(s.parked_offset_bytes, 0);
}

static void initialised(void **state)
{
	struct luks_status s = status_of(HEAD ",\"2\":{\"type\":\"reencrypt\"}" REST LINEAR(
		0, 900, 512) "," LINEAR(1, 512, 1024) BACKUPS CONFIG(BUSY));

	(void)state;
	assert_true(s.is_reencrypting);
	assert_false(s.is_first_chunk_done);
	assert_int_equal(s.payload_bytes, 1536);
	assert_int_equal(s.encrypted_bytes, 0);
	assert_int_equal(s.data_offset_bytes, 512);
	assert_int_equal(s.parked_offset_bytes, 900);
	assert_int_equal(s.slot_count, 2);
}

static void hot_chunk_does_not_count(void **state)
{
	struct luks_status s = status_of(HEAD REST LINEAR(0, 900, 512) "," CRYPT(1, 1024, HOT)
						 BACKUPS CONFIG(BUSY));

	(void)state;
	assert_false(s.is_first_chunk_done);
	assert_true(s.has_hot_chunk);
	assert_int_equal(s.payload_bytes, 1536);
	assert_int_equal(s.encrypted_bytes, 0);
}

/* Without the requirement nothing is under way, whatever a segment says. */
static void hot_chunk_of_nothing(void **state)
{
	struct luks_status s = status_of(HEAD REST CRYPT(0, 1024, HOT) CONFIG(""));

	(void)state;
	assert_false(s.has_hot_chunk);
}

static void half_way(void **state)
{
	struct luks_status s = status_of(HEAD REST LINEAR(0, 900, 512) "," CRYPT(1, 1024, "")
						 BACKUPS CONFIG(BUSY));

	(void)state;
	assert_true(s.is_first_chunk_done);
	assert_false(s.has_hot_chunk);
	assert_int_equal(s.encrypted_bytes, 1024);
}

/* --- two volume keys -------------------------------------------------------------------------- */

#define TWO_KEYS(slots, first_slots, first_segments, next_segments, segments, requirements)        \
	"{\"keyslots\":{" slots "},\"tokens\":{\"0\":{\"type\":\"clevis\",\"keyslots\":[\"1\"]},"  \
	"\"1\":{\"type\":\"clevis\",\"keyslots\":[\"3\"]}},\"digests\":{"                          \
	"\"0\":{\"salt\":\"a\",\"keyslots\":[" first_slots "],\"segments\":[" first_segments "]}," \
	"\"1\":{\"salt\":\"b\",\"keyslots\":[\"2\",\"3\"],\"segments\":[" next_segments "]},"      \
	"\"2\":{\"salt\":\"c\",\"keyslots\":[\"4\"],\"segments\":[]}},"                            \
	"\"segments\":{" segments                                                                  \
	CONFIG(requirements)
#define FOUR_SLOTS "\"0\":" SLOT ",\"1\":" SLOT ",\"2\":" SLOT ",\"3\":" SLOT
#define ROTATION ",\"4\":{\"type\":\"reencrypt\",\"mode\":\"reencrypt\"}"
#define BOTH_BACKUPS                                                                               \
	",\"8\":{\"type\":\"crypt\",\"offset\":\"512\",\"size\":\"dynamic\","                      \
	"\"flags\":[\"backup-previous\"]},"                                                        \
	"\"9\":{\"type\":\"crypt\",\"offset\":\"512\",\"size\":\"dynamic\","                       \
	"\"flags\":[\"backup-final\"]}"

static void two_keys_at_rest(void **state)
{
	struct luks_status s = status_of(
		TWO_KEYS(FOUR_SLOTS, "\"0\",\"1\"", "\"0\"", "", CRYPT(0, dynamic, ""), ""));

	(void)state;
	assert_false(s.is_reencrypting || s.is_rotating);
	assert_int_equal(s.used_key, 0);
	assert_int_equal(s.slots_of[0], 3);
	assert_int_equal(s.slots_of[1], 12);
	assert_int_equal(s.other_slots, 0); /* the third digest's is no passphrase slot */
	assert_true(s.has_idle_clevis);
}

static void first_encryption_with_two_keys(void **state)
{
	struct luks_status s = status_of(TWO_KEYS(
		FOUR_SLOTS ",\"4\":{\"type\":\"reencrypt\",\"mode\":\"encrypt\"}", "\"0\",\"1\"",
		"\"1\",\"9\"", "", LINEAR(0, 900, 512) "," CRYPT(1, 1024, "") BACKUPS, BUSY));

	(void)state;
	assert_true(s.is_reencrypting);
	assert_false(s.is_rotating);
	assert_int_equal(s.used_key, 0);
	assert_int_equal(s.encrypted_bytes, 1024);
}

static void rotation_counts_the_new_key(void **state)
{
	struct luks_status s = status_of(TWO_KEYS(
		FOUR_SLOTS ROTATION, "\"0\",\"1\"", "\"1\",\"2\",\"8\"", "\"0\",\"1\",\"9\"",
		CRYPT(0, 1024, "") "," CRYPT(1, 512, HOT) "," CRYPT(2, 2048, "") BOTH_BACKUPS,
		BUSY));

	(void)state;
	assert_true(s.is_reencrypting && s.is_rotating && s.has_hot_chunk);
	assert_int_equal(s.used_key, 0);
	assert_int_equal(s.payload_bytes, 3584);
	assert_int_equal(s.encrypted_bytes, 1024);
	assert_int_equal(s.slot_count, 4);
}

/* Just begun: nobody knows how much it is. */
static void rotation_without_an_end(void **state)
{
	struct luks_status s = status_of(
		TWO_KEYS(FOUR_SLOTS ROTATION, "\"0\",\"1\"", "\"1\",\"8\"", "\"0\",\"9\"",
			 CRYPT(0, 1024, "") "," CRYPT(1, dynamic, "") BOTH_BACKUPS, BUSY));

	(void)state;
	assert_true(s.is_rotating);
	assert_false(s.has_hot_chunk);
	assert_int_equal(s.payload_bytes, 0);
	assert_int_equal(s.encrypted_bytes, 0);
}

static void rotation_is_over(void **state)
{
	struct luks_status s = status_of(
		TWO_KEYS(FOUR_SLOTS, "\"0\",\"1\"", "", "\"0\"", CRYPT(0, dynamic, ""), ""));

	(void)state;
	assert_false(s.is_reencrypting || s.is_rotating);
	assert_int_equal(s.used_key, 1);
	assert_int_equal(s.slots_of[0], 3);
	assert_true(s.has_idle_clevis);
}

/* The old key's token goes first; one without slots is none. */
static void tokens_without_slots(void **state)
{
	CLEANUP_JSON json_t *metadata = parsed(
		TWO_KEYS(FOUR_SLOTS, "\"0\",\"1\"", "", "\"0\"", CRYPT(0, dynamic, ""), ""));
	json_t *token, *tokens = json_object_get(metadata, "tokens");
	struct luks_status s;
	int id = 77;

	(void)state;
	assert_ok(luks_json_status(metadata, &s));
	assert_ok(luks_json_idle_clevis(metadata, &s, &id));
	assert_int_equal(id, 0);
	json_array_clear(json_object_get(json_object_get(tokens, "0"), "keyslots"));
	assert_ok(luks_json_token(metadata, "clevis", &id, &token));
	assert_int_equal(id, 1);
	assert_ok(luks_json_idle_clevis(metadata, &s, &id));
	assert_int_equal(id, 0);
	json_object_del(tokens, "0");
	assert_int_equal(luks_json_idle_clevis(metadata, &s, &id), -ENOENT);
}

static void bad_metadata_is_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		HEAD REST CONFIG(""), /* no segment is fine, see below */
		HEAD REST "\"0\":7" CONFIG(""),
		HEAD REST "\"0\":{\"type\":\"crypt\",\"offset\":\"512\",\"size\":7}" CONFIG(""),
		HEAD REST CRYPT(0, -1, "") CONFIG(""),
		HEAD REST CRYPT(0, 99999999999999999999999, "") CONFIG(""),
		HEAD REST CRYPT(0, 18446744073709551615, "") "," CRYPT(1, 4096, "") CONFIG(BUSY),
		"{\"keyslots\":[],\"tokens\":{},\"segments\":{},\"config\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP_JSON json_t *metadata = parsed(texts[i]);
		struct luks_status status = { .slot_count = 77 };
		int r = luks_json_status(metadata, &status);

		if (i == 2)
			assert_int_equal(r, 0);
		else if (r != -EINVAL || status.slot_count != 77)
			fail_msg("text %zu: %d", i, r);
	}
}

static void truncated_text_is_refused(void **state)
{
	static const char text[] = HEAD REST CRYPT(0, dynamic, "") CONFIG("");
	json_t *metadata = NULL;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_true(luks_json_parse(text, len, &metadata) < 0);
}

static void salts(void **state)
{
	CLEANUP_JSON json_t *metadata = parsed(
		HEAD ",\"2\":{\"type\":\"reencrypt\"}" REST CRYPT(0, dynamic, "") CONFIG(""));
	struct luks_salts found;

	(void)state;
	assert_ok(luks_json_salts(metadata, &found));
	assert_int_equal(found.count, 3);
	assert_string_equal(found.salts[0], "c2xvdA==");
	assert_string_equal(found.salts[2], "ZGlnZXN0");
}

static void header_bytes(void **state)
{
	CLEANUP_JSON json_t *metadata = parsed(HEAD REST CRYPT(0, dynamic, "") CONFIG(""));
	uint64_t bytes = 0;

	(void)state;
	assert_ok(luks_json_header_bytes(metadata, &bytes));
	assert_int_equal(bytes, 16 * MIB);
}

static void tokens(void **state)
{
	CLEANUP_JSON json_t *metadata = parsed(HEAD REST CRYPT(0, dynamic, "") CONFIG(""));
	json_t *token = NULL;
	int id = -1;

	(void)state;
	assert_ok(luks_json_token(metadata, "panocrypt-x", &id, &token));
	assert_int_equal(id, 7);
	assert_non_null(token);
	assert_int_equal(luks_json_token(metadata, "panocrypt", &id, &token), -ENOENT);
	assert_string_equal(fail_text(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finished),
		cmocka_unit_test(initialised),
		cmocka_unit_test(hot_chunk_does_not_count),
		cmocka_unit_test(hot_chunk_of_nothing),
		cmocka_unit_test(half_way),
		cmocka_unit_test(two_keys_at_rest),
		cmocka_unit_test(first_encryption_with_two_keys),
		cmocka_unit_test(rotation_counts_the_new_key),
		cmocka_unit_test(rotation_without_an_end),
		cmocka_unit_test(rotation_is_over),
		cmocka_unit_test(tokens_without_slots),
		cmocka_unit_test(bad_metadata_is_refused),
		cmocka_unit_test(truncated_text_is_refused),
		cmocka_unit_test(salts),
		cmocka_unit_test(header_bytes),
		cmocka_unit_test(tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
