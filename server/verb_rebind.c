/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptd rebind: the server moves to another name. What hosts have in their headers stays true:
 * the names of before stay in the certificate, for ever, and machines move to the new one when
 * somebody binds them anew. docs/protocol.md, "The URL is for ever".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"
#include "server/ca.h"
#include "server/verbs.h"

struct rebind_options {
	struct verb_options verb;
	const char *url, *admin_url;
	struct option_list names;
};

static bool is_known(const struct server_config *config, const char *host)
{
	if (strcmp(host, config->url.host) == 0 || strcmp(host, config->admin_url.host) == 0)
		return true;
	for (size_t i = 0; i < config->name_count; i++)
		if (strcmp(host, config->names[i]) == 0)
			return true;
	return false;
}

/* The names of the configuration before, as far as the new one doesn't have them anyway. */
static int keep_names(const struct server_config *before, struct server_config *after)
{
	int r = 0;

	after->name_count = 0;
	for (size_t i = 0; r == 0 && i < before->name_count; i++)
		if (!is_known(after, before->names[i]))
			r = config_add_name(after, before->names[i]);
	if (r == 0 && !is_known(after, before->url.host))
		r = config_add_name(after, before->url.host);
	if (r == 0 && !before->admin_url.is_address && !is_known(after, before->admin_url.host))
		r = config_add_name(after, before->admin_url.host);
	return r;
}

static int read_url(const char *text, const char *flag, bool may_be_address, struct config_url *ret)
{
	int r;

	if (!text)
		return 0;
	r = config_parse_url(text, ret);
	if (r < 0)
		return fail_at(r, "--%s", flag);
	return ret->is_address && !may_be_address
		       ? fail(-EINVAL, "--%s must be a DNS name, not an address: hosts keep it",
			      flag)
		       : 0;
}

static int change(const struct rebind_options *options, const struct server_config *before,
		  struct server_config *after)
{
	int r;

	if (!options->url && !options->admin_url && options->names.count == 0)
		return fail(-EINVAL, "nothing is to be changed: name --url, --admin-url or --name");
	*after = *before;
	r = read_url(options->url, "url", false, &after->url);
	if (r == 0)
		r = read_url(options->admin_url, "admin-url", true, &after->admin_url);
	if (r == 0)
		r = keep_names(before, after);
	for (size_t i = 0; r == 0 && i < options->names.count; i++)
		if (!is_known(after, options->names.items[i]))
			r = config_add_name(after, options->names.items[i]);
	return r;
}

/* The certificate first: one that has more names than the configuration hurts nobody, and a cut
 * before the configuration leaves the server as it was. */
static int write_down(const struct server_config *after)
{
	CLEANUP_FREE char *text = NULL;
	char path[CONFIG_PATH_SIZE];
	int r = config_print(after, &text);

	if (r == 0)
		r = ca_renew_leaf(after, NULL);
	config_path(after->dir, CONFIG_FILE_CONFIG, path);
	return r < 0 ? r : file_replace_text(path, text, 0644);
}

static int note(const struct server_config *before, const struct server_config *after)
{
	CLEANUP(store_closep) struct store *store = NULL;
	CLEANUP_FREE char *detail = NULL;
	int r;

	r = text_format(&detail, "%s to %s, admin %s to %s", before->url.text, after->url.text,
			before->admin_url.text, after->admin_url.text);
	if (r == 0)
		r = verb_open_store(before, &store);
	return r < 0 ? r : verb_audited(store, "rebound", detail);
}

static void explain(const struct server_config *before, const struct server_config *after)
{
	printf("New devices are told %s, once the server was started anew (on every node).\n"
	       "Machines that were bound before call %s as long as nobody binds them\n"
	       "anew: keep its name in your DNS, and its port open. It stays in the certificate.\n"
	       "To move a machine, on it: clevis luks list -d DISK, and\n"
	       "  clevis luks edit -d DISK -s SLOT -c '{\"url\":\"%s/d/DEVICE\"}'\n",
	       after->url.text, before->url.text, after->url.text);
}

static int run_rebind(void *opaque, const struct server_config *before, const char *word UNUSED)
{
	struct server_config after;
	int r = change(opaque, before, &after);

	if (r == 0)
		r = note(before, &after);
	if (r == 0)
		r = write_down(&after);
	if (r < 0)
		return r;
	explain(before, &after);
	return EXIT_DONE;
}

static const struct option_row rows[] = {
	{ "url", NULL, OPTION_TEXT, offsetof(struct rebind_options, url), "https://NAME:PORT",
	  "what new devices will call: a DNS name, never an address" },
	{ "admin-url", NULL, OPTION_TEXT, offsetof(struct rebind_options, admin_url),
	  "https://NAME:PORT", "what people's tools and enrolling call" },
	{ "name", NULL, OPTION_LIST, offsetof(struct rebind_options, names), "NAME",
	  "a further DNS name in the certificate; may be repeated" },
	VERB_ROWS,
};

static const struct verb rebind_verb = { .help = "move the server to another name; the old ones "
						 "stay good",
					 .rows = rows,
					 .rows_count = ARRAY_SIZE(rows),
					 .options_bytes = sizeof(struct rebind_options),
					 .run = run_rebind };

int verb_rebind(int argc, char **argv)
{
	return verb_run("rebind", &rebind_verb, 1, argc, argv);
}
