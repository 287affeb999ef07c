/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * enroll: redeems the enrollment key for a device of the server's, once. A nonce that is durable
 * before the first contact makes a second try after a lost answer give the same device. The key
 * itself is kept nowhere. The wire is in docs/protocol.md, section 2.
 */
#include "bootstrap/our_files.h"
#include "bootstrap/phase.h"
#include "common/aead.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/http_client.h"
#include "common/json.h"
#include "common/jwk.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/strbuf.h"

#include <errno.h>
#include <string.h>

#define NONCE_BYTES 16
#define NONCE_CHARS (2 * NONCE_BYTES)
#define DEVICE_CHARS 32
#define TIMEOUT_S 30
#define STATUS_OK 200
#define STATUS_CREATED 201
#define PROBLEM "urn:panocrypt:"
#define MACHINE_ID "/etc/machine-id"
#define PRODUCT_UUID "/sys/class/dmi/id/product_uuid"

/* What the server may say no with, and what to do then. */
static const struct denial {
	const char *code, *sentence;
} denials[] = {
	{ "key-unknown", "the server doesn't know this enrollment key: look for a typing error, or "
			 "make a new key (panocryptctl enrollment-key create)" },
	{ "key-expired", "the enrollment key has expired: make a new one (panocryptctl "
			 "enrollment-key create)" },
	{ "key-used-up", "the enrollment key has been used as often as it may: make a new one "
			 "(panocryptctl enrollment-key create)" },
	{ "key-revoked", "the enrollment key was revoked: ask who revoked it, or use another one" },
	{ "source-denied",
	  "the enrollment key may not be used from this machine's address: make one "
	  "that allows it (--redeem-from)" },
	{ "clone",
	  "the server has enrolled this nonce before, with another key, another machine or "
	  "too long ago: is this disk a clone? Remove /var/lib/panocrypt and run again" },
	{ "slow-down",
	  "too many wrong keys came from this address: wait some minutes and run again" },
	{ "invalid", "the server doesn't understand this program: are their versions alike?" },
};

static int enroll_done(struct job *job)
{
	return job->intent.device[0] != '\0';
}

/* Durable before anybody is contacted. */
static int load_nonce(const struct job *job, char ret[static NONCE_CHARS + 1])
{
	CLEANUP_FREE char *path = NULL, *text = NULL;
	uint8_t bytes[NONCE_BYTES];
	int r;

	r = text_format(&path, "%s/" NONCE_FILE, job->state_dir);
	if (r < 0)
		return r;
	r = file_read(path, NONCE_CHARS + 1, &text, NULL);
	if (r == 0 && strlen(text) == NONCE_CHARS && text_unhex(bytes, NONCE_BYTES, text) == 0) {
		memcpy(ret, text, NONCE_CHARS + 1);
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		return r;
	r = random_bytes(bytes, sizeof(bytes));
	if (r < 0)
		return r;
	text_hex(ret, bytes, sizeof(bytes));
	r = file_mkdirs(job->state_dir, 0700);
	return r < 0 ? r : file_replace_text(path, ret, 0600);
}

/* What a cloned disk can't take along: the firmware's id; and what names this installation. */
static int make_fingerprint(const struct job *job, char ret[static 2 * SHA256_BYTES + 1])
{
	CLEANUP_FREE char *machine_id = NULL, *product = NULL, *text = NULL;
	uint8_t digest[SHA256_BYTES];
	int r;

	if (file_read(MACHINE_ID, 4096, &machine_id, NULL) < 0)
		machine_id = NULL;
	if (file_read(PRODUCT_UUID, 4096, &product, NULL) < 0)
		product = NULL;
	fail_clear();
	r = text_format(&text, "%s\n%s\n%s", machine_id ? machine_id : "", product ? product : "",
			job->intent.disk_id);
	if (r == 0)
		r = sha256(text, strlen(text), digest);
	if (r < 0)
		return r;
	text_hex(ret, digest, sizeof(digest));
	return 0;
}

/* The caller wipes *ret before it frees it: the key is in it. */
static int make_body(const struct job *job, char **ret)
{
	char nonce[NONCE_CHARS + 1], fingerprint[2 * SHA256_BYTES + 1], os[80];
	const struct facts *facts = job->facts;
	CLEANUP_JSON json_t *body = NULL;
	int r;

	r = load_nonce(job, nonce);
	if (r == 0)
		r = make_fingerprint(job, fingerprint);
	if (r < 0)
		return r;
	snprintf(os, sizeof(os), "%s %s", facts->os_id, facts->os_version);
	body = json_pack("{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s},s:s}", "key",
			 job->config->enrollment_key, "nonce", nonce, "fingerprint", fingerprint,
			 "hostname", facts->hostname, "platform", "os", os, "arch", facts->arch,
			 "kernel", facts->kernel, "version", PANOCRYPT_VERSION);
	if (!body)
		return fail(-EINVAL, "a name of this machine isn't UTF-8: set its hostname anew");
	return js_print(body, ret);
}

/* The sentence of a no. */
static int denied(const struct http_answer *answer, const char *server)
{
	CLEANUP_JSON json_t *problem = NULL;
	const char *type = "";
	size_t i;

	if (js_parse(answer->body, answer->body_len, JSON_TEXT_MAX, &problem) < 0 ||
	    js_string(problem, "type", &type) < 0)
		type = "";
	if (strncmp(type, PROBLEM, strlen(PROBLEM)) == 0)
		type += strlen(PROBLEM);
	for (i = 0; i < ARRAY_SIZE(denials); i++) {
		if (strcmp(type, denials[i].code) == 0)
			return fail(-EACCES, "%s (%s)", denials[i].sentence, denials[i].code);
	}
	if (answer->status >= 500)
		return fail(-EAGAIN,
			    "%s has trouble of its own (status %ld): look at its log, then run "
			    "again",
			    server, answer->status);
	return fail(-EPROTO,
		    "%s isn't an unlock server, or not its /v1 listener (status %ld): check "
		    "the address",
		    server, answer->status);
}

static int exchange(const struct job *job, const struct http_request *request,
		    struct http_answer *ret)
{
	struct http_request with_ca = *request;
	int r;

	with_ca.ca_file = job->config->ca_file	   ? job->config->ca_file
			  : job->intent.ca_file[0] ? job->intent.ca_file
						   : NULL;
	with_ca.timeout_s = TIMEOUT_S;
	r = http_exchange(&with_ca, ret);
	return r < 0 ? fail_at(r, "nothing was changed") : 0;
}

static int redeem(const struct job *job, json_t **ret)
{
	CLEANUP_FREE char *url = NULL, *body = NULL;
	struct http_answer answer = { 0 };
	int r;

	r = text_format(&url, "%s/v1/enroll", job->intent.server);
	if (r == 0)
		r = make_body(job, &body);
	if (r < 0)
		return r;
	const struct http_request request = { .method = "POST",
					      .url = url,
					      .content_type = "application/json",
					      .body = body,
					      .body_len = strlen(body) };
	r = exchange(job, &request, &answer);
	secret_wipe(body, strlen(body));
	if (r < 0)
		return r;
	if (answer.status != STATUS_OK && answer.status != STATUS_CREATED)
		r = denied(&answer, job->intent.server);
	else if (js_parse(answer.body, answer.body_len, JSON_TEXT_MAX, ret) < 0)
		r = fail(-EPROTO, "%s answered with something that isn't JSON: check the address",
			 job->intent.server);
	if (answer.body)
		secret_wipe(answer.body, answer.body_len);
	http_answer_done(&answer);
	return r;
}

/* The answer decides what the initramfs will talk to for ever: nothing unexpected gets through. */
static int check_device(const struct intent *intent)
{
	uint8_t bytes[DEVICE_CHARS / 2];
	size_t len = strlen(intent->device_url);
	const char *end = len > DEVICE_CHARS + 3 ? intent->device_url + len - DEVICE_CHARS : "";

	if (strlen(intent->device) != DEVICE_CHARS ||
	    text_unhex(bytes, sizeof(bytes), intent->device) < 0)
		return fail(-EPROTO, "member \"device\" must be 32 hex digits");
	if (strncmp(intent->device_url, "https://", 8) != 0 || strcmp(end, intent->device) != 0 ||
	    strncmp(end - 3, "/d/", 3) != 0 || strpbrk(intent->device_url, " \"'\\\n$`"))
		return fail(-EPROTO, "member \"url\" must be https://name/d/<device>");
	if (strlen(intent->thumbprint) != JWK_THUMBPRINT_SIZE - 1)
		return fail(-EPROTO, "member \"thumbprint\" must be 43 characters");
	return 0;
}

static int save_token(const struct job *job, const json_t *answer)
{
	CLEANUP_FREE char *path = NULL;
	const char *token;
	int r;

	r = js_string(answer, "report_token", &token);
	if (r == 0)
		r = text_format(&path, "%s/" REPORT_TOKEN_FILE, job->state_dir);
	return r < 0 ? r : file_replace_text(path, token, 0600);
}

static int take_answer(struct job *job, const json_t *answer, struct intent *intent)
{
	int r;

	r = js_copy(answer, "device", intent->device, sizeof(intent->device));
	if (r == 0)
		r = js_copy(answer, "url", intent->device_url, sizeof(intent->device_url));
	if (r == 0)
		r = js_copy(answer, "thumbprint", intent->thumbprint, sizeof(intent->thumbprint));
	if (r == 0)
		r = check_device(intent);
	if (r == 0)
		r = save_token(job, answer);
	return r < 0 ? fail_at(r, "the answer of %s", job->intent.server) : 0;
}

/* The way that the boot will take: the same URL, over a family that the machine has. */
static int prove_reachable(const struct job *job, const struct intent *intent)
{
	CLEANUP_JSON json_t *jws = NULL, *keys = NULL;
	CLEANUP_FREE char *url = NULL;
	struct http_answer answer = { 0 };
	bool has_v4 = job->facts->net_address4[0];
	int r;

	r = text_format(&url, "%s/adv", intent->device_url);
	if (r < 0)
		return r;
	const struct http_request request = { .method = "GET",
					      .url = url,
					      .family = has_v4 ? HTTP_FAMILY_V4 : HTTP_FAMILY_ANY };
	r = exchange(job, &request, &answer);
	if (r == 0)
		r = http_answer_check(&answer, url);
	if (r == 0)
		r = js_parse(answer.body, answer.body_len, JSON_TEXT_MAX, &jws);
	if (r == 0)
		r = jwk_verify_advertisement(jws, intent->thumbprint, &keys);
	http_answer_done(&answer);
	return r < 0 ? fail_at(r,
			       "enrolled, but the address to unlock at, which every boot will "
			       "use%s",
			       has_v4 ? " over IPv4" : "")
		     : 0;
}

static int install_ca(const struct job *job, struct intent *intent)
{
	CLEANUP_FREE char *pem = NULL;
	size_t len = 0;
	int r;

	if (!job->config->ca_file)
		return 0;
	r = file_read(job->config->ca_file, 1 * MIB, &pem, &len);
	if (r == -ENOENT)
		return fail(r, "there is no CA file %s", job->config->ca_file);
	if (r == 0)
		r = file_mkdirs(OUR_DIR, 0755);
	if (r == 0)
		r = file_replace(OUR_CA_FILE, pem, len, 0644);
	if (r < 0)
		return fail_at(r, "installing the server's CA");
	snprintf(intent->ca_file, sizeof(intent->ca_file), "%s", OUR_CA_FILE);
	return 0;
}

static int enroll_run(struct job *job)
{
	CLEANUP_JSON json_t *answer = NULL;
	struct intent intent = job->intent;
	int r;

	if (!job->config->enrollment_key)
		return fail(-EINVAL,
			    "this machine isn't enrolled yet: run again with an enrollment key");
	if (job->config->ca_file && !file_exists(job->config->ca_file))
		return fail(-ENOENT, "there is no CA file %s", job->config->ca_file);
	r = redeem(job, &answer);
	if (r == 0)
		r = take_answer(job, answer, &intent);
	if (r == 0)
		r = prove_reachable(job, &intent);
	if (r == 0)
		r = install_ca(job, &intent);
	if (r == 0)
		r = intent_write(job->state_dir, &intent);
	if (r < 0)
		return r;
	job->intent = intent;
	log_info("enrolled as device %s", intent.device);
	return 0;
}

/* The key on the server stays spent: `undo` tells the server, people revoke the device there. */
const struct phase phase_enroll = {
	.name = "enroll",
	.place = PHASE_RUNNING,
	.done = enroll_done,
	.run = enroll_run,
	.power_cut = "a nonce, perhaps a device on the server: run again gives the same device",
};
