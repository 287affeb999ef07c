/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See init_options.h. What is missing or contradicts itself is refused before anything is made. */
#include "server/init_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"
#include "server/core/kek.h"
#include "server/store/db.h"

#define NAME_MAX_BYTES 100

#define ROW(flag, member, argument, help)                                                          \
	{                                                                                          \
		flag, NULL, OPTION_TEXT, offsetof(struct init_options, member), argument, help     \
	}

static const struct option_row rows[] = {
	ROW("dir", dir, "DIR", "the server's folder; made with mode 0700"),
	ROW("url", url, "https://NAME:PORT",
	    "what hosts will call, for ever: a DNS name, never an address"),
	ROW("admin-url", admin_url, "https://NAME:PORT", "what people's tools and enrolling call"),
	{ "name", NULL, OPTION_LIST, offsetof(struct init_options, names), "NAME",
	  "a further DNS name in the certificate; may be repeated" },
	ROW("organization", organization, "NAME", "the first organization"),
	ROW("admin", admin, "NAME", "its owner; the API token goes to DIR/admin-token"),
	ROW("listen", listen, "ADDR:PORT", "default: [::] and the port of --url"),
	ROW("admin-listen", admin_listen, "ADDR:PORT", "default: [::] and the port of --admin-url"),
	ROW("assets", assets, "DIR",
	    "where install.sh and bootstrap-<arch> are; default: DIR/assets"),
	ROW("store", store, "URL|FILE",
	    "keep the store in this PostgreSQL database, postgresql://ROLE@HOST/DATABASE?… without "
	    "a password, or in this file; default: DIR/panocrypt.db"),
	ROW("node", node, "NAME",
	    "this server among those on one database; default: the host's name"),
	ROW("join", join, "FOLDER",
	    "serve the store that is there already, with kek, ca.key, ca.pem and audit.*jwk from "
	    "FOLDER; without --organization and --admin"),
	ROW("kek", kek, "PROVIDER",
	    "where the key that wraps all exchange keys is: file (the default), credential:NAME, "
	    "or a pkcs11: URI"),
	ROW("kek-copy-jwk", copy.jwk, "FILE",
	    "make DIR/kek-copy.jwe, a copy of that key for this public key (JWK), whose private "
	    "half is kept offline"),
	ROW("kek-copy-passphrase-file", copy.passphrase_file, "FILE",
	    "or by this passphrase, in a file that only you can read"),
	ROW("witness", witness, "FILE",
	    "gets the audit's signed checkpoints: best on another disk, append-only; "
	    "default: DIR/witness"),
	ROW("user", user, "NAME", "run as this user when started by root; gets the folder"),
};

static int require(const struct init_options *options)
{
	const struct {
		const char *flag, *value;
		bool is_of_join;
	} required[] = {
		{ "--dir", options->dir, true },
		{ "--url", options->url, true },
		{ "--admin-url", options->admin_url, true },
		{ "--organization", options->organization, false },
		{ "--admin", options->admin, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		bool is_given = required[i].value && *required[i].value;

		if (options->join && !required[i].is_of_join && is_given)
			return fail(-EINVAL,
				    "%s and --join contradict each other: the store "
				    "has it already",
				    required[i].flag);
		if (!is_given && (!options->join || required[i].is_of_join))
			return fail(-EINVAL, "%s is missing: see \"panocryptd help\"",
				    required[i].flag);
	}
	if (options->join && (!options->store || !db_place_is_url(options->store)))
		return fail(-EINVAL, "--join needs --store postgresql://…: a store that several "
				     "servers can reach");
	return 0;
}

/* Names appear in logs, terminals and certificates. */
static int check_name(const char *name, const char *flag)
{
	if (strlen(name) > NAME_MAX_BYTES)
		return fail(-EINVAL, "%s is longer than %d bytes", flag, NAME_MAX_BYTES);
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return fail(-EINVAL, "%s has a control character in it", flag);
	return 0;
}

static int read_url(const char *text, const char *flag, struct config_url *ret)
{
	int r = config_parse_url(text, ret);

	return r < 0 ? fail_at(r, "%s", flag) : 0;
}

static int read_listen(const char *text, const char *flag, const struct config_url *url,
		       struct config_listen *ret)
{
	int r;

	if (!text) {
		*ret = (struct config_listen){ .host = "::", .port = url->port };
		return 0;
	}
	r = config_parse_listen(text, ret);
	return r < 0 ? fail_at(r, "%s", flag) : 0;
}

static int copy_dir(const char *text, const char *flag, char ret[static CONFIG_DIR_SIZE])
{
	size_t len = strlen(text);

	while (len > 1 && text[len - 1] == '/')
		len--;
	if (len >= CONFIG_DIR_SIZE)
		return fail(-ENAMETOOLONG, "%s is too long", flag);
	memcpy(ret, text, len);
	ret[len] = '\0';
	return 0;
}

static int fill_paths(const struct init_options *options, struct server_config *config)
{
	CLEANUP_FREE char *assets = NULL;
	int r;

	if (options->witness && options->witness[0] != '/')
		return fail(-EINVAL, "--witness must begin with /: the server may be started from "
				     "another folder");
	if (options->assets && options->assets[0] != '/')
		return fail(-EINVAL, "--assets must begin with /: the server may be started from "
				     "another folder");
	r = copy_dir(options->dir, "--dir", config->dir);
	if (r == 0)
		r = options->assets ? text_format(&assets, "%s", options->assets)
				    : text_format(&assets, "%s/assets", config->dir);
	if (r == 0)
		r = copy_dir(assets, "--assets", config->assets);
	if (r < 0)
		return r;
	if (options->kek)
		r = copy_dir(options->kek, "--kek", config->kek);
	if (r == 0)
		r = kek_check_setting(config->kek);
	if (r == 0 && options->witness)
		r = copy_dir(options->witness, "--witness", config->witness);
	if (r < 0)
		return r;
	if (options->user && strlen(options->user) >= sizeof(config->user))
		return fail(-EINVAL, "--user is too long");
	snprintf(config->user, sizeof(config->user), "%s", options->user ? options->user : "");
	return 0;
}

/* The host's name, without its domain; "" when that can't be a node's name. */
static void default_node(char ret[static CONFIG_NODE_SIZE])
{
	char name[256] = "";
	size_t len;

	(void)gethostname(name, sizeof(name) - 1);
	len = strcspn(name, ".");
	if (len >= CONFIG_NODE_SIZE)
		len = 0;
	memcpy(ret, name, len);
	ret[len] = '\0';
}

static int fill_store(const struct init_options *options, struct server_config *config)
{
	char node[CONFIG_NODE_SIZE] = "";
	int r;

	if (options->store && !options->node)
		default_node(node);
	r = config_set_store(config, options->store, options->node ? options->node : node);
	return r < 0 ? fail_at(r, "--store and --node") : 0;
}

static int fill_config(const struct init_options *options, struct server_config *config)
{
	int r;

	config->fronts = 1;
	r = require(options);
	if (r == 0 && !options->join)
		r = check_name(options->organization, "--organization");
	if (r == 0 && !options->join)
		r = check_name(options->admin, "--admin");
	if (r == 0)
		r = read_url(options->url, "--url", &config->url);
	if (r < 0)
		return r;
	if (config->url.is_address)
		return fail(-EINVAL, "--url must be a DNS name, not an address: it is written into "
				     "the header of every disk, and an address can't move to "
				     "another machine or network; give the server a name");
	r = read_url(options->admin_url, "--admin-url", &config->admin_url);
	if (r == 0)
		r = read_listen(options->listen, "--listen", &config->url, &config->listen);
	if (r == 0)
		r = read_listen(options->admin_listen, "--admin-listen", &config->admin_url,
				&config->admin_listen);
	for (size_t i = 0; r == 0 && i < options->names.count; i++) {
		r = config_add_name(config, options->names.items[i]);
		if (r < 0)
			return fail_at(r, "--name");
	}
	if (r == 0)
		r = fill_paths(options, config);
	return r < 0 ? r : fill_store(options, config);
}

int init_options_read(int argc, char **argv, struct init_options *options,
		      struct server_config *config)
{
	int first = argc, r;

	r = options_parse(rows, ARRAY_SIZE(rows), options, argc, argv, &first);
	if (r == 0 && first < argc)
		r = fail(-EINVAL, "\"%s\" isn't understood: init takes only options", argv[first]);
	return r < 0 ? r : fill_config(options, config);
}

int init_options_usage(char **ret)
{
	return options_usage(rows, ARRAY_SIZE(rows), ret);
}
