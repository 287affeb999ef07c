/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Redeeming enrollment keys. The secret is compared as a keyed hash, in constant time; an unknown
 * id costs and answers the same as a wrong secret.
 */
#include "server/core/redeem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aead.h"
#include "common/err.h"
#include "common/jwk.h"
#include "server/core/mint.h"

struct outcome_row {
	uint32_t status;
	const char *code;
};

static const struct outcome_row outcome_rows[REDEEM_OUTCOME_COUNT] = {
	[REDEEM_NEW] = { 201, "" },
	[REDEEM_REPEAT] = { 200, "" },
	[REDEEM_KEY_UNKNOWN] = { 401, "key-unknown" },
	[REDEEM_KEY_REVOKED] = { 403, "key-revoked" },
	[REDEEM_SOURCE_DENIED] = { 403, "source-denied" },
	[REDEEM_CLONE] = { 409, "clone" },
	[REDEEM_KEY_EXPIRED] = { 403, "key-expired" },
	[REDEEM_KEY_USED_UP] = { 403, "key-used-up" },
	[REDEEM_KEY_FULL] = { 403, "key-full" },
	[REDEEM_KEY_TOO_FAST] = { 429, "key-too-fast" },
	[REDEEM_SLOW_DOWN] = { 429, "slow-down" },
	[REDEEM_QUARANTINE] = { 503, "quarantine" },
};

/* May the machine that enrolled with this nonce have its answer again? */
static bool is_repeat(const struct redeem_facts *facts)
{
	const struct store_enrolled *enrolled = facts->enrolled;

	return strcmp(enrolled->enrollment_key, facts->key_id) == 0 &&
	       memcmp(enrolled->organization, facts->key->organization, ORGANIZATION_ID_BYTES) ==
		       0 &&
	       bytes_equal_ct(enrolled->fingerprint, facts->fingerprint, FINGERPRINT_BYTES) &&
	       enrolled->revoked_s == 0 && enrolled->converting_until_s > facts->now_s &&
	       facts->now_s < enrolled->created_s + REDEEM_REPEAT_S;
}

int redeem_judge(const struct redeem_facts *facts, enum redeem_outcome *ret)
{
	struct cidr_list redeem_from;
	int r;

	if (facts->key->revoked_s > 0) {
		*ret = REDEEM_KEY_REVOKED;
		return 0;
	}
	r = cidr_list_parse(facts->key->redeem_from, &redeem_from);
	if (r < 0)
		return fail_at(r, "enrollment key %s", facts->key_id);
	if (redeem_from.count > 0 && !cidr_list_contains(&redeem_from, facts->source))
		*ret = REDEEM_SOURCE_DENIED;
	else if (facts->enrolled) /* before expiry and uses: it was this enrollment that used it */
		*ret = is_repeat(facts) ? REDEEM_REPEAT : REDEEM_CLONE;
	else if (facts->key->expires_s <= facts->now_s)
		*ret = REDEEM_KEY_EXPIRED;
	else if (facts->key->uses >= facts->key->max_uses)
		*ret = REDEEM_KEY_USED_UP;
	else if (facts->key->live_max && facts->redeemed.live >= facts->key->live_max)
		*ret = REDEEM_KEY_FULL;
	else if (facts->key->rate_per_hour && facts->redeemed.lately >= facts->key->rate_per_hour)
		*ret = REDEEM_KEY_TOO_FAST;
	else
		*ret = REDEEM_NEW;
	return 0;
}

/* One request on its way through. */
struct redeeming {
	struct core_parts *parts;
	const struct message_redeem *request;
	const struct source_address *source;
	char key_id[ENROLLMENT_ID_SIZE];
	struct store_redeem key;
	bool key_known; /* id known; its secret may still be wrong */
	struct store_enrolled enrolled;
	uint64_t now_s;
};

static int find_key(struct redeeming *redeeming, bool *ret_right)
{
	struct core_parts *parts = redeeming->parts;
	uint8_t hash[SECRET_HASH_BYTES];
	int r;

	memcpy(redeeming->key_id, redeeming->request->key, ENROLLMENT_KEY_ID_CHARS);
	r = keys_hash_enrollment(parts->keys, redeeming->request->key, hash);
	if (r == 0)
		r = store_redeem_key(parts->store, redeeming->key_id, &redeeming->key);
	if (r != 0 && r != STORE_NOT_FOUND)
		return r;
	redeeming->key_known = r == 0;
	*ret_right = bytes_equal_ct(hash, redeeming->key.secret_hash, sizeof(hash)) &&
		     redeeming->key_known;
	return 0;
}

static int judge(struct redeeming *redeeming, enum redeem_outcome *ret)
{
	struct redeem_facts facts = { .key = &redeeming->key,
				      .key_id = redeeming->key_id,
				      .fingerprint = redeeming->request->fingerprint,
				      .source = redeeming->source };
	bool is_right = false;
	int r;

	r = find_key(redeeming, &is_right);
	if (r < 0)
		return r;
	if (!is_right) {
		*ret = REDEEM_KEY_UNKNOWN;
		return 0;
	}
	r = store_now(redeeming->parts->store, &redeeming->now_s);
	if (r < 0)
		return r;
	r = store_enrolled(redeeming->parts->store, redeeming->request->nonce,
			   &redeeming->enrolled);
	if (r != 0 && r != STORE_NOT_FOUND)
		return r;
	facts.enrolled = r == 0 ? &redeeming->enrolled : NULL;
	facts.now_s = redeeming->now_s;
	r = store_redeem_count(redeeming->parts->store, redeeming->key_id, &redeeming->key,
			       redeeming->now_s, &facts.redeemed);
	return r < 0 ? r : redeem_judge(&facts, ret);
}

static int audit_enrolled(struct redeeming *redeeming, const char *event, const uint8_t *device)
{
	char source[CIDR_TEXT_SIZE];
	struct store_audit_entry entry = {
		.event = event, .source = source, .detail = redeeming->key_id, .device = device
	};

	source_print(redeeming->source, source);
	return store_audit_append(redeeming->parts->store, redeeming->key.organization, &entry);
}

static int audit_refused(struct redeeming *redeeming, const char *code)
{
	bool is_known = redeeming->key_known;
	struct audit_denial denial = {
		.event = "enroll-denied",
		.reason = code,
		.organization = is_known ? redeeming->key.organization : store_system,
		.source = redeeming->source,
		.detail = is_known ? redeeming->key_id : "",
	};

	return audit_denied(redeeming->parts->audit, redeeming->parts->store, &denial);
}

/* A new report token: its text into the answer, its hash to keep. */
static int make_token(struct message_redeemed *ret, uint8_t ret_hash[32])
{
	CLEANUP_FREE char *text = NULL;
	uint8_t token[32];
	int r;

	r = random_bytes(token, sizeof(token));
	if (r == 0)
		r = b64url_encode(token, sizeof(token), &text);
	secret_wipe(token, sizeof(token));
	if (r < 0)
		return r;
	snprintf(ret->report_token, sizeof(ret->report_token), "%s", text);
	r = sha256(text, strlen(text), ret_hash);
	secret_wipe(text, strlen(text));
	return r;
}

static void answer(const struct redeeming *redeeming, const uint8_t *device, const char *thumbprint,
		   uint64_t until_s, struct message_redeemed *ret)
{
	memcpy(ret->device, device, sizeof(ret->device));
	snprintf(ret->thumbprint, sizeof(ret->thumbprint), "%s", thumbprint);
	snprintf(ret->organization, sizeof(ret->organization), "%s",
		 redeeming->key.organization_name);
	ret->converting_until_s = until_s;
}

static int enroll_new(struct redeeming *redeeming, struct message_redeemed *ret)
{
	struct core_parts *parts = redeeming->parts;
	uint64_t until_s = redeeming->now_s + REDEEM_CONVERTING_S;
	uint8_t hash[32];
	char name[MINT_NAME_SIZE];
	struct store_new_device device = {
		.name = name,
		.tags = redeeming->key.tags,
		.allow_from = redeeming->key.allow_from,
		.platform = redeeming->request->platform,
		.enrollment_key = redeeming->key_id,
		.nonce = redeeming->request->nonce,
		.fingerprint = redeeming->request->fingerprint,
		.report_hash = hash,
		.created_s = redeeming->now_s,
		.converting_until_s = until_s,
	};
	char thumbprint[THUMBPRINT_CHARS + 1];
	int r;

	mint_clean_name(redeeming->request->hostname, name);
	memcpy(device.organization, redeeming->key.organization, sizeof(device.organization));
	r = make_token(ret, hash);
	if (r == 0)
		r = store_redeem_use(parts->store, redeeming->key_id);
	if (r == 0)
		r = mint_insert(parts, &device, thumbprint);
	if (r == 0)
		r = store_redeem_defaults(parts->store, redeeming->key_id, device.id);
	if (r == 0)
		r = audit_enrolled(redeeming, "enrolled", device.id);
	if (r != 0)
		return r;
	answer(redeeming, device.id, thumbprint, until_s, ret);
	snprintf(ret->tags, sizeof(ret->tags), "%s", redeeming->key.tags);
	return 0;
}

static int enroll_again(struct redeeming *redeeming, struct message_redeemed *ret)
{
	const struct store_enrolled *enrolled = &redeeming->enrolled;
	struct store *store = redeeming->parts->store;
	struct store_key key;
	uint8_t hash[32];
	int r;

	r = make_token(ret, hash);
	if (r == 0)
		r = store_report_token_set(store, enrolled->device, hash);
	if (r == 0)
		r = store_key(store, enrolled->device, NULL, &key);
	if (r == 0)
		r = audit_enrolled(redeeming, "enrolled-again", enrolled->device);
	if (r != 0)
		return r;
	answer(redeeming, enrolled->device, key.signing_thumbprint, enrolled->converting_until_s,
	       ret);
	snprintf(ret->tags, sizeof(ret->tags), "%s", enrolled->tags);
	return 0;
}

/* Inside the transaction. */
static int redeem(struct redeeming *redeeming, enum redeem_outcome *outcome,
		  struct message_redeemed *ret)
{
	uint64_t quarantined_s = 0;
	int r;

	if (*outcome != REDEEM_SLOW_DOWN) {
		r = judge(redeeming, outcome);
		if (r == 0)
			r = store_quarantine(redeeming->parts->store, &quarantined_s);
		if (r < 0)
			return r;
	}
	/* A key that was revoked since the backup is good again in it. */
	if (quarantined_s > 0 && (*outcome == REDEEM_NEW || *outcome == REDEEM_REPEAT))
		*outcome = REDEEM_QUARANTINE;
	if (*outcome == REDEEM_NEW)
		return enroll_new(redeeming, ret);
	if (*outcome == REDEEM_REPEAT)
		return enroll_again(redeeming, ret);
	return audit_refused(redeeming, outcome_rows[*outcome].code);
}

static void refuse(struct message_redeemed *ret, uint32_t status, const char *code)
{
	struct message_head head = ret->head;

	secret_wipe(ret, sizeof(*ret));
	ret->head = head;
	ret->status = status;
	snprintf(ret->code, sizeof(ret->code), "%s", code);
}

int redeem_serve(struct core_parts *parts, const struct message_redeem *request,
		 const struct source_address *source, uint64_t now_ms, struct message_redeemed *ret)
{
	struct redeeming redeeming = { .parts = parts, .request = request, .source = source };
	enum redeem_outcome outcome = REDEEM_NEW;
	int r;

	if (strlen(request->key) != ENROLLMENT_KEY_CHARS) {
		refuse(ret, 400, "invalid");
		return 0;
	}
	if (!throttle_allows(parts->throttle, source, now_ms))
		outcome = REDEEM_SLOW_DOWN;
	r = store_begin(parts->store);
	if (r == 0)
		r = core_parts_end(parts, redeem(&redeeming, &outcome, ret));
	if (r != 0) {
		refuse(ret, 503, "unavailable");
		return r < 0 ? r : fail(-EIO, "the store contradicts itself while enrolling");
	}
	if (outcome == REDEEM_KEY_UNKNOWN)
		throttle_failed(parts->throttle, source, now_ms);
	if (outcome != REDEEM_NEW && outcome != REDEEM_REPEAT)
		refuse(ret, outcome_rows[outcome].status, outcome_rows[outcome].code);
	ret->status = outcome_rows[outcome].status;
	return 0;
}
