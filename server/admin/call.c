/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See call.h: answers, and the members that several routes share.
 */
#include "server/admin/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

bool call_bearer(const struct request *request, char ret[static TOKEN_TEXT_SIZE])
{
	static const char scheme[] = "Bearer ";
	struct http_span value = request->authorization;

	if (!value.data || value.len <= strlen(scheme) ||
	    strncasecmp(value.data, scheme, strlen(scheme)) != 0)
		return false;
	value.data += strlen(scheme);
	value.len -= strlen(scheme);
	if (value.len >= TOKEN_TEXT_SIZE)
		return false;
	memcpy(ret, value.data, value.len);
	ret[value.len] = 0;
	return true;
}

void answer_json(struct connection *connection, int status, json_t *value)
{
	CLEANUP_JSON json_t *owned = value;
	CLEANUP_FREE char *text = NULL;
	struct answer answer = { .status = status, .content_type = "application/json" };

	if (!owned || js_print(owned, &text) < 0) {
		problem_answer(connection, "internal", "Out of memory.");
		return;
	}
	answer.body = text;
	answer.len = strlen(text);
	connection_answer(connection, &answer);
}

void answer_empty(struct connection *connection)
{
	const struct answer answer = { .status = 204 };

	connection_answer(connection, &answer);
}

void answer_failure(struct connection *connection, int r)
{
	log_failure(r);
	if (r == -EBUSY || r == -ENOSPC)
		problem_answer(connection, "unavailable",
			       "The store is busy or away, or its disk is full.");
	else
		problem_answer(connection, "internal", "%s", "");
}

void answer_invalid(struct connection *connection)
{
	problem_answer(connection, "invalid", "%s", fail_text());
}

json_t *json_of_text(const char *text)
{
	json_t *value = NULL;

	if (!text || !text[0] || js_parse(text, strlen(text), JSON_TEXT_MAX, &value) < 0)
		return json_null();
	return value;
}

int device_url(const struct admin *admin, const uint8_t device[static DEVICE_ID_BYTES], char **ret)
{
	char hex[2 * DEVICE_ID_BYTES + 1];

	text_hex(hex, device, DEVICE_ID_BYTES);
	return text_format(ret, "%s/d/%s", admin->config->url.text, hex);
}

bool read_device_id(const char *text, uint8_t ret[static DEVICE_ID_BYTES])
{
	return strlen(text) == 2 * (size_t)DEVICE_ID_BYTES &&
	       text_unhex(ret, DEVICE_ID_BYTES, text) == 0;
}

json_t *json_of_device(const struct admin *admin, const struct store_device *device)
{
	CLEANUP_FREE char *url = NULL;
	char hex[2 * DEVICE_ID_BYTES + 1];

	text_hex(hex, device->id, DEVICE_ID_BYTES);
	if (device_url(admin, device->id, &url) < 0)
		return NULL;
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:s, s:s, s:f,"
		" s:I, s:I, s:I, s:I, s:s, s:I, s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:s, s:s, s:o,"
		" s:o, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:I, s:s, s:I, s:I, s:I}",
		"device", hex, "name", device->name, "state", device->state, "tags",
		json_of_text(device->tags), "allow_from", json_of_text(device->allow_from),
		"registered_addresses", json_of_text(device->registered_addresses), "platform",
		json_of_text(device->platform), "enrollment_key", device->enrollment_key, "created",
		(json_int_t)device->created_s, "last_seen", (json_int_t)device->last_seen_s,
		"converting_until", (json_int_t)device->converting_until_s, "phase", device->phase,
		"phase_state", device->phase_state, "percent", device->percent, "done_bytes",
		(json_int_t)device->figures.done_bytes, "total_bytes",
		(json_int_t)device->figures.total_bytes, "bytes_per_s",
		(json_int_t)device->figures.bytes_per_s, "eta_s", (json_int_t)device->figures.eta_s,
		"waiting", device->waiting, "boot", (json_int_t)device->boot, "message",
		device->message, "progress_at", (json_int_t)device->progress_s, "native_boot_seen",
		device->native_boot_seen, "old_keys", (json_int_t)device->old_keys, "old_key_used",
		(json_int_t)device->old_key_used_s, "destroyed", (json_int_t)device->destroyed_s,
		"final", (json_int_t)device->final_s, "url", url, "thumbprint", device->thumbprint,
		"evidence", json_of_text(device->evidence), "network_lists",
		json_of_text(device->networks), "approval", device->approval, "held", device->held,
		"environment", device->environment, "workload", device->workload, "absence_s",
		(json_int_t)device->absence_s, "absence", device->absence_denies ? "deny" : "ask",
		"ephemeral", device->ephemeral, "absent_at", (json_int_t)device->absent_s,
		"reboots", device->reboots, "reboot_from", (json_int_t)device->reboot_from_s,
		"reboot_until", (json_int_t)device->reboot_until_s, "surprised",
		(json_int_t)device->surprised_s);
}

static const char *key_state(const struct store_enrollment_key *key)
{
	if (key->compromised_s)
		return "compromised";
	if (key->revoked_s)
		return "revoked";
	if (key->expired)
		return "expired";
	return key->uses >= key->max_uses ? "used-up" : "usable";
}

json_t *json_of_enrollment_key(const struct store_enrollment_key *key)
{
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o,"
		" s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I}",
		"id", key->id, "state", key_state(key), "description", key->description, "tags",
		json_of_text(key->tags), "allow_from", json_of_text(key->allow_from), "redeem_from",
		json_of_text(key->redeem_from), "created_by", key->created_by, "max_uses",
		(json_int_t)key->max_uses, "uses", (json_int_t)key->uses, "created",
		(json_int_t)key->created_s, "expires", (json_int_t)key->expires_s, "revoked",
		(json_int_t)key->revoked_s, "compromised", (json_int_t)key->compromised_s,
		"network_lists", json_of_text(key->networks), "approval", key->approval,
		"environment", key->environment, "workload", key->workload, "hold", key->hold,
		"ephemeral", key->ephemeral, "absence_s", (json_int_t)key->absence_s,
		"rate_per_hour", (json_int_t)key->rate_per_hour, "live_max",
		(json_int_t)key->live_max);
}
