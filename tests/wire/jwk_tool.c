/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * common/jwk.c and common/http_client.c as a command, for comparing them with the real clevis, jose
 * and tangd:
 *
 *	jwk_tool seal URL [THUMBPRINT] <secret >jwe    what `clevis encrypt tang` does; the compact
 * form jwk_tool unseal <jwe >secret                   what `clevis decrypt` does jwk_tool advertise
 * N >jws                      an advertisement of a new exchange key, signed by N new keys
 * UNIT_SOURCES:
 */
#include "common/err.h"
#include "common/http_client.h"
#include "common/jwk.h"
#include "common/strbuf.h"

#include <string.h>

#define INPUT_MAX_BYTES (64 * KIB)

static int request(const char *method, const char *url, const char *body, json_t **ret)
{
	CLEANUP(http_answer_done) struct http_answer answer = { 0 };
	struct http_request request = { .method = method,
					.url = url,
					.body = body,
					.body_len = body ? strlen(body) : 0,
					.content_type = body ? "application/jwk+json" : NULL,
					.allow_plain = true };
	int r;

	r = http_exchange(&request, &answer);
	if (r < 0)
		return r;
	r = http_answer_check(&answer, url);
	if (r < 0)
		return r;
	return js_parse(answer.body, answer.body_len, JSON_TEXT_MAX, ret);
}

static int seal(const char *url, const char *thumbprint)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_JSON json_t *keys = NULL;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_FREE char *adv_url = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	if ((r = secret_read_fd(&secret, STDIN_FILENO, INPUT_MAX_BYTES)) < 0 ||
	    (r = text_format(&adv_url, "%s/adv", url)) < 0 ||
	    (r = request("GET", adv_url, NULL, &jws)) < 0 ||
	    (r = jwk_verify_advertisement(jws, thumbprint, &keys)) < 0 ||
	    (r = jwk_seal_tang(url, keys, &secret, &jwe)) < 0 || (r = jwk_compact(jwe, &text)) < 0)
		return r;
	printf("%s", text);
	return 0;
}

/* The flattened form of a compact JWE; its url is for the caller. */
static int read_compact(json_t **ret)
{
	static const char *const names[] = { "protected", "encrypted_key", "iv", "ciphertext",
					     "tag" };
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = json_object();
	char *part, *rest;
	size_t i;
	int r;

	r = secret_read_fd(&text, STDIN_FILENO, INPUT_MAX_BYTES);
	if (r < 0)
		return r;
	secret_trim_newline(&text);
	rest = (char *)text.data;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		part = strsep(&rest, ".");
		if (!part || json_object_set_new(jwe, names[i], json_string(part)) < 0)
			return fail(-EINVAL, "not a compact JWE");
	}
	*ret = TAKE_PTR(jwe);
	return 0;
}

static int tang_url(const json_t *jwe, const char *kid, char **ret)
{
	CLEANUP_FREE uint8_t *data = NULL;
	CLEANUP_JSON json_t *header = NULL;
	const char *protected, *url;
	json_t *clevis, *tang;
	size_t len;
	int r;

	if ((r = js_string(jwe, "protected", &protected)) < 0 ||
	    (r = b64url_decode(protected, INPUT_MAX_BYTES, &data, &len)) < 0 ||
	    (r = js_parse((char *)data, len, INPUT_MAX_BYTES, &header)) < 0 ||
	    (r = js_object(header, "clevis", &clevis)) < 0 ||
	    (r = js_object(clevis, "tang", &tang)) < 0 || (r = js_string(tang, "url", &url)) < 0)
		return r;
	return text_format(ret, "%s/rec/%s", url, kid);
}

static int unseal(void)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	CLEANUP_JSON json_t *jwe = NULL;
	CLEANUP_JSON json_t *point = NULL;
	CLEANUP_JWK json_t *ephemeral = NULL;
	CLEANUP_JSON json_t *reply = NULL;
	CLEANUP_FREE char *kid = NULL;
	CLEANUP_FREE char *url = NULL;
	CLEANUP_FREE char *body = NULL;
	int r;

	if ((r = read_compact(&jwe)) < 0 ||
	    (r = jwk_recovery_request(jwe, &point, &ephemeral, &kid)) < 0 ||
	    (r = tang_url(jwe, kid, &url)) < 0 || (r = js_print(point, &body)) < 0 ||
	    (r = request("POST", url, body, &reply)) < 0 ||
	    (r = jwk_recovery_unseal(jwe, ephemeral, reply, &secret)) < 0)
		return r;
	if (json_object_get(point, "d"))
		return fail(-EINVAL, "the request carries a private key");
	fwrite(secret.data, 1, secret.len, stdout);
	return 0;
}

static int advertise(size_t count)
{
	CLEANUP_JSON json_t *public_keys = json_array();
	CLEANUP_JSON json_t *jws = NULL;
	CLEANUP_JSON json_t *signers = json_array();
	CLEANUP_FREE char *text = NULL;
	json_t *keys[8];
	size_t i;
	int r;

	for (i = 0; i <= count && count < ARRAY_SIZE(keys); i++) {
		json_t *public;

		if ((r = jwk_generate(i < count ? "ES512" : "ECMR", &keys[i])) < 0)
			return r;
		json_array_append_new(signers, keys[i]);
		if ((r = jwk_public(keys[i], &public)) < 0)
			return r;
		json_array_append_new(public_keys, public);
	}
	if ((r = jwk_advertise(keys, count, public_keys, &jws)) < 0 ||
	    (r = js_print(jws, &text)) < 0)
		return r;
	printf("%s", text);
	return 0;
}

int main(int argc, char **argv)
{
	int r = -EINVAL;

	if (argc >= 3 && strcmp(argv[1], "seal") == 0)
		r = seal(argv[2], argv[3]);
	else if (argc == 2 && strcmp(argv[1], "unseal") == 0)
		r = unseal();
	else if (argc == 3 && strcmp(argv[1], "advertise") == 0)
		r = advertise((size_t)atoi(argv[2]));
	else
		fail(r, "usage: see the head of jwk_tool.c");
	if (r < 0)
		fprintf(stderr, "jwk_tool: %s\n", fail_text());
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
