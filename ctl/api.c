/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of /v1 with the API token, and the small things that bodies and paths are made of.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/http_client.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "ctl/ctl.h"

#define TOKEN_MAX_BYTES 128
#define ANSWER_MAX_BYTES (32 * MIB)
#define DEVICE_ID_CHARS 32

static int read_token(const struct ctl *ctl, struct secret *ret)
{
	int r;

	if (!ctl->token_file)
		return fail(-EINVAL, "--token-file or PANOCRYPT_TOKEN_FILE is missing");
	r = secret_read_file(ret, ctl->token_file, TOKEN_MAX_BYTES);
	if (r < 0)
		return fail_at(-EIO, "the token file");
	secret_trim_newline(ret);
	return 0;
}

static void answer_done(struct http_answer *answer)
{
	http_answer_done(answer);
}

/* The change was kept: others must agree first. */
static int say_proposal(const struct ctl *ctl, const json_t *proposal)
{
	const char *id = NULL;
	uint64_t quorum = 0;
	int r = js_string(proposal, "proposal", &id);

	if (r == 0)
		r = js_u64(proposal, "quorum", &quorum);
	if (r == 0 && ctl->json)
		r = ctl_print_json(proposal);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	return fail(-EINPROGRESS,
		    "nothing is changed yet: %llu others must agree within a week, with "
		    "\"panocryptctl proposal approve %.8s\"",
		    (unsigned long long)quorum, id);
}

/* body NULL: GET, else POST of this JSON text. */
static int call(const struct ctl *ctl, const char *path, const char *body, json_t **ret)
{
	CLEANUP_SECRET struct secret token = SECRET_EMPTY;
	CLEANUP(answer_done) struct http_answer answer = { .status = 0 };
	CLEANUP_FREE char *url = NULL;
	struct http_request request = {
		.method = body ? "POST" : "GET",
		.content_type = body ? "application/json" : NULL,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.bearer = &token,
		.ca_file = ctl->ca,
		.answer_max_bytes = ANSWER_MAX_BYTES,
	};
	int r;

	if (!ctl->admin_url)
		return fail(-EINVAL, "--admin-url or PANOCRYPT_ADMIN_URL is missing");
	r = read_token(ctl, &token);
	if (!r)
		r = text_format(&url, "%s%s", ctl->admin_url, path);
	if (r < 0)
		return r;
	request.url = url;
	r = http_exchange(&request, &answer);
	if (!r)
		r = http_answer_check(&answer, "panocryptd");
	if (r < 0) /* -EINVAL is for options alone */
		return r == -EINVAL ? -EIO : r;
	r = js_parse(answer.body, answer.body_len, ANSWER_MAX_BYTES, ret);
	if (r < 0)
		return fail_at(-EIO, "the server's answer");
	return answer.status == 202 ? say_proposal(ctl, *ret) : 0;
}

int ctl_get(const struct ctl *ctl, const char *path, json_t **ret)
{
	return call(ctl, path, NULL, ret);
}

int ctl_post(const struct ctl *ctl, const char *path, json_t *body, json_t **ret)
{
	CLEANUP_JSON json_t *owned = body;
	CLEANUP_FREE char *text = NULL;
	int r;

	if (!owned)
		return fail(-ENOMEM, "out of memory");
	r = js_print(owned, &text);
	return r < 0 ? r : call(ctl, path, text, ret);
}

json_t *ctl_list(const struct option_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

json_t *ctl_list_or_none(const struct option_list *list)
{
	return list->count == 1 && strcmp(list->items[0], "none") == 0 ? json_array()
								       : ctl_list(list);
}

int ctl_duration(const char *text, uint64_t *ret_s)
{
	static const struct {
		char suffix;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char digits[16];
	size_t len = strlen(text);
	uint64_t factor = 1, value;

	for (size_t i = 0; len > 0 && i < ARRAY_SIZE(units); i++) {
		if (text[len - 1] != units[i].suffix)
			continue;
		factor = units[i].seconds;
		len--;
		break;
	}
	if (len == 0 || len >= sizeof(digits))
		return fail(-EINVAL, "\"%.20s\" isn't a duration such as 30m, 24h or 7d", text);
	memcpy(digits, text, len);
	digits[len] = 0;
	if (text_u64(digits, &value) < 0 || value > UINT32_MAX)
		return fail(-EINVAL, "\"%.20s\" isn't a duration such as 30m, 24h or 7d", text);
	*ret_s = value * factor;
	return 0;
}

void ctl_query(struct strbuf *path, const char *name, const char *value)
{
	strbuf_addf(path, "%c%s=", path->text && strchr(path->text, '?') ? '&' : '?', name);
	for (; *value; value++)
		strbuf_addf(path, "%%%02x", (unsigned char)*value);
}

static bool is_plain_word(const char *word)
{
	return *word && !strpbrk(word, "/?#% ");
}

static bool device_fits(const json_t *device, const char *word)
{
	const char *id, *name;

	if (js_string(device, "device", &id) < 0 || js_string(device, "name", &name) < 0)
		return false;
	return strncmp(id, word, strlen(word)) == 0 || strcmp(name, word) == 0;
}

static int find_device(const struct ctl *ctl, const char *word, char ret[DEVICE_ID_CHARS + 1])
{
	CLEANUP_JSON json_t *answer = NULL;
	const char *found = NULL;
	json_t *list, *device;
	size_t i;
	int r;

	r = ctl_get(ctl, "/v1/devices", &answer);
	if (!r)
		r = js_array(answer, "devices", &list);
	if (r < 0)
		return r;
	json_array_foreach (list, i, device) {
		if (!device_fits(device, word))
			continue;
		if (found)
			return fail(-EPROTO, "\"%.40s\" fits several devices: give more of the id",
				    word);
		r = js_string(device, "device", &found);
		if (r < 0)
			return r;
	}
	if (!found || strlen(found) != DEVICE_ID_CHARS)
		return fail(-EPROTO, "no device fits \"%.40s\": see \"panocryptctl device list\"",
			    word);
	strcpy(ret, found);
	return 0;
}

/* The whole id of what people call a device. */
static int device_id(const struct ctl *ctl, const char *word, char ret[DEVICE_ID_CHARS + 1])
{
	if (!*word)
		return fail(-EINVAL, "the device's name is empty");
	if (strlen(word) != DEVICE_ID_CHARS || !is_plain_word(word))
		return find_device(ctl, word, ret);
	strcpy(ret, word);
	return 0;
}

int ctl_device_path(const struct ctl *ctl, const char *word, const char *suffix, char **ret)
{
	char id[DEVICE_ID_CHARS + 1];
	int r = device_id(ctl, word, id);

	return r < 0 ? r : text_format(ret, "/v1/devices/%s%s", id, suffix);
}

int ctl_device_query(const struct ctl *ctl, const char *prefix, const char *word, char **ret)
{
	char id[DEVICE_ID_CHARS + 1];
	int r = device_id(ctl, word, id);

	return r < 0 ? r : text_format(ret, "%s%s", prefix, id);
}

int ctl_word_path(const char *prefix, const char *word, const char *suffix, char **ret)
{
	if (!is_plain_word(word))
		return fail(-EINVAL, "\"%.40s\" can't be a name or an id", word);
	return text_format(ret, "%s%s%s", prefix, word, suffix);
}
