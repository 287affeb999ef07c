/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl authorizer set, show, remove, test.
 */
#include <errno.h>
#include <stdio.h>

#include "common/err.h"
#include "common/file.h"
#include "ctl/ctl.h"

#define FILE_MAX_BYTES (16 * KIB)

struct options {
	struct ctl ctl;
	const char *key, *ca_file;
};

static const struct option_row set_rows[] = {
	{ "key", NULL, OPTION_TEXT, offsetof(struct options, key), "FILE",
	  "the public key that signs its answers, as JWK" },
	{ "authorizer-ca", NULL, OPTION_TEXT, offsetof(struct options, ca_file), "FILE",
	  "the CA of its certificate, PEM (default: the server's own bundle)" },
	CTL_ROWS,
};
static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "URL", "url", CTL_TEXT },
	{ "SET", "created", CTL_TIME },
	{ "BY", "created_by", CTL_TEXT },
};

static int print_shown(const struct ctl *ctl, const json_t *answer)
{
	json_t *authorizer, *signed_by;
	CLEANUP_FREE char *key = NULL, *own = NULL;
	int r;

	if (ctl->json)
		return ctl_print_json(answer);
	r = js_object(answer, "signed_by", &signed_by);
	if (r == 0)
		r = js_print(signed_by, &own);
	if (r < 0)
		return r;
	authorizer = json_object_get(answer, "authorizer");
	if (!json_is_object(authorizer)) {
		printf("No authorizer: nobody outside is asked.\nQuestions would be signed by: "
		       "%s\n",
		       own);
		return 0;
	}
	r = js_print(json_object_get(authorizer, "key"), &key);
	if (r == 0)
		r = ctl_print_fields(authorizer, columns, ARRAY_SIZE(columns));
	if (r == 0)
		printf("Answers are signed by: %s\nQuestions are signed by: %s\n", key, own);
	return r;
}

static int add_ca(const char *path, json_t *body)
{
	CLEANUP_FREE char *text = NULL;
	int r = file_read(path, FILE_MAX_BYTES, &text, NULL);

	if (r < 0)
		return fail(r == -ENOENT ? -EINVAL : r, "can't read %s", path);
	return json_object_set_new(body, "ca", json_string(text))
		       ? fail(-EINVAL, "%s isn't a certificate in PEM", path)
		       : 0;
}

static int run_set(void *opaque, char **words)
{
	const struct options *options = opaque;
	CLEANUP_JSON json_t *body = NULL, *answer = NULL;
	json_t *key = NULL;
	int r;

	if (!options->key)
		return fail(-EINVAL, "--key is needed");
	r = js_read_file(options->key, FILE_MAX_BYTES, &key);
	if (r < 0)
		return fail_at(-EINVAL, "%s", options->key);
	body = json_pack("{s:s, s:o}", "url", words[0], "key", key);
	if (!body)
		return fail(-EINVAL, "the URL isn't UTF-8");
	r = options->ca_file ? add_ca(options->ca_file, body) : 0;
	if (r == 0)
		r = ctl_post(&options->ctl, "/v1/authorizer/set", json_incref(body), &answer);
	return r < 0 ? r : print_shown(&options->ctl, answer);
}

static int run_show(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	int r = ctl_get(ctl, "/v1/authorizer", &answer);

	(void)words;
	return r < 0 ? r : print_shown(ctl, answer);
}

static int run_remove(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	int r = ctl_post(ctl, "/v1/authorizer/remove", json_object(), &answer);

	(void)words;
	return r < 0 ? r : print_shown(ctl, answer);
}

/* An authorizer that doesn't work is a refusal, for scripts. */
static int run_test(void *opaque, char **words)
{
	const struct ctl *ctl = opaque;
	CLEANUP_JSON json_t *answer = NULL;
	const char *outcome, *advice;
	uint64_t took_ms;
	bool works;
	int r = ctl_post(ctl, "/v1/authorizer/test", json_object(), &answer);

	(void)words;
	if (r == 0 && ctl->json)
		r = ctl_print_json(answer);
	if (r == 0)
		r = js_bool(answer, "works", &works);
	if (r == 0)
		r = js_string(answer, "outcome", &outcome);
	if (r == 0)
		r = js_string(answer, "advice", &advice);
	if (r == 0)
		r = js_u64(answer, "took_ms", &took_ms);
	if (r < 0)
		return r;
	if (!works)
		return fail(-EACCES, "%s: %s", outcome, advice);
	if (!ctl->json)
		printf("It answers, rightly signed, with %s in %llu ms.\n", outcome,
		       (unsigned long long)took_ms);
	return 0;
}

const struct ctl_verb verb_authorizer_set = CTL_VERB("authorizer", "set", "URL",
						     "have another system asked at each "
						     "unlock",
						     set_rows, struct options, run_set);
const struct ctl_verb verb_authorizer_show = CTL_VERB(
	"authorizer", "show", NULL, "show who is asked", rows, struct ctl, run_show);
const struct ctl_verb verb_authorizer_remove = CTL_VERB(
	"authorizer", "remove", NULL, "ask nobody any more", rows, struct ctl, run_remove);
const struct ctl_verb verb_authorizer_test = CTL_VERB(
	"authorizer", "test", NULL, "ask it about nothing", rows, struct ctl, run_test);
