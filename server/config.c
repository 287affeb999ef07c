/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads, checks and prints config.json. config_parse() is pure; config_load() only reads the file.
 * Everything is checked here, so that a damaged file is refused at start with a sentence.
 */
#include "server/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "common/json.h"
#include "common/strbuf.h"
#include "server/store/db.h"

#define CONFIG_VERSION 1
#define FRONTS_MAX 64

static const char *const file_names[CONFIG_FILE_COUNT] = {
	[CONFIG_FILE_CONFIG] = "config.json",
	[CONFIG_FILE_STORE] = "panocrypt.db",
	[CONFIG_FILE_KEK] = "kek",
	[CONFIG_FILE_KEK_NEXT] = "kek.next",
	[CONFIG_FILE_KEK_COPY] = "kek-copy.jwe",
	[CONFIG_FILE_CA_KEY] = "ca.key",
	[CONFIG_FILE_CA] = "ca.pem",
	[CONFIG_FILE_LEAF_KEY] = "leaf.key",
	[CONFIG_FILE_LEAF] = "leaf.pem",
	[CONFIG_FILE_AUDIT_KEY] = "audit.jwk",
	[CONFIG_FILE_AUDIT_PUBLIC] = "audit.pub.jwk",
	[CONFIG_FILE_WITNESS] = "witness",
	[CONFIG_FILE_ADMIN_TOKEN] = "admin-token",
};

void config_path(const char *dir, enum config_file file, char ret[static CONFIG_PATH_SIZE])
{
	snprintf(ret, CONFIG_PATH_SIZE, "%.*s/%s", CONFIG_DIR_SIZE, dir, file_names[file]);
}

void config_writer(const struct server_config *config, const char *process,
		   char ret[static CONFIG_WRITER_SIZE])
{
	snprintf(ret, CONFIG_WRITER_SIZE, config->node[0] ? "%s@%s" : "%s", process, config->node);
}

void config_witness(const struct server_config *config, char ret[static CONFIG_PATH_SIZE])
{
	config_path(config->dir, CONFIG_FILE_WITNESS, ret);
	if (config->witness[0])
		snprintf(ret, CONFIG_PATH_SIZE, "%s", config->witness);
}

static int copy_text(char *ret, size_t size, const char *text, const char *what)
{
	if (strlen(text) >= size)
		return fail(-EINVAL, "%s is longer than %zu bytes", what, size - 1);
	strcpy(ret, text); /* length checked above */
	return 0;
}

static int read_url(const json_t *object, const char *name, struct config_url *ret)
{
	const char *text;
	int r;

	r = js_string(object, name, &text);
	if (r < 0)
		return r;
	r = config_parse_url(text, ret);
	return r < 0 ? fail_at(r, "\"%s\"", name) : 0;
}

static int read_listen(const json_t *object, const char *name, struct config_listen *ret)
{
	const char *text;
	int r;

	r = js_string(object, name, &text);
	if (r < 0)
		return r;
	r = config_parse_listen(text, ret);
	return r < 0 ? fail_at(r, "\"%s\"", name) : 0;
}

static bool is_node_name(const char *node)
{
	for (const char *c = node; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			return false;
	return strlen(node) < CONFIG_NODE_SIZE;
}

int config_set_store(struct server_config *config, const char *store, const char *node)
{
	char path[CONFIG_PATH_SIZE];
	int r;

	config_path(config->dir, CONFIG_FILE_STORE, path);
	r = copy_text(config->store, sizeof(config->store), store ? store : path, "the store");
	if (r < 0)
		return r;
	if (store && store[0] != '/' && !db_place_is_url(store))
		return fail(-EINVAL, "the store must be a path that begins with /, or "
				     "postgresql://…: docs/store.md");
	if (node && !is_node_name(node))
		return fail(-EINVAL, "a node's name has at most %d letters, digits and dashes",
			    CONFIG_NODE_SIZE - 1);
	if (db_place_is_url(config->store) && (!node || !*node))
		return fail(-EINVAL, "a name for this node is missing: servers on one database "
				     "are told apart by it");
	strcpy(config->node, node ? node : ""); /* length checked above */
	return 0;
}

static int read_store(const json_t *object, struct server_config *config)
{
	const char *store, *node;
	int r;

	r = js_string_or(object, "store", NULL, &store);
	if (r == 0)
		r = js_string_or(object, "node", NULL, &node);
	if (r == 0)
		r = config_set_store(config, store, node);
	return r < 0 ? fail_at(r, "\"store\" and \"node\"") : 0;
}

static int read_text(const json_t *object, const char *name, const char *fallback, char *ret,
		     size_t size)
{
	const char *text;
	int r = js_string_or(object, name, fallback, &text);

	if (r == 0)
		r = copy_text(ret, size, text, name);
	return r;
}

int config_add_name(struct server_config *config, const char *name)
{
	if (config->name_count == CONFIG_NAMES_MAX)
		return fail(-EINVAL, "more than %d further names", CONFIG_NAMES_MAX);
	if (!config_is_name(name))
		return fail(-EINVAL, "\"%.80s\" isn't a DNS name", name);
	for (char *to = config->names[config->name_count++]; (*to = *name); to++, name++)
		*to = (char)tolower((unsigned char)*name);
	return 0;
}

static int read_names(const json_t *object, struct server_config *config)
{
	json_t *array = json_object_get(object, "names"), *item;
	size_t i;

	if (array && !json_is_array(array))
		return fail(-EINVAL, "\"names\" must be an array of texts");
	json_array_foreach (array, i, item) {
		int r = json_is_string(item) ? config_add_name(config, json_string_value(item))
					     : fail(-EINVAL, "item %zu must be a text", i);

		if (r < 0)
			return fail_at(r, "\"names\"");
	}
	return 0;
}

static int read_optional(const json_t *object, struct server_config *config)
{
	char assets[CONFIG_PATH_SIZE];
	uint64_t fronts;
	int r;

	snprintf(assets, sizeof(assets), "%s/assets", config->dir);
	r = read_text(object, "assets", assets, config->assets, sizeof(config->assets));
	if (r == 0)
		r = read_text(object, "witness", "", config->witness, sizeof(config->witness));
	if (r == 0)
		r = read_names(object, config);
	if (r == 0)
		r = read_text(object, "kek", "", config->kek, sizeof(config->kek));
	if (r == 0)
		r = read_text(object, "user", "", config->user, sizeof(config->user));
	if (r == 0)
		r = js_u64_or(object, "fronts", 1, &fronts);
	if (r < 0)
		return r;
	if (fronts < 1 || fronts > FRONTS_MAX)
		return fail(-EINVAL, "\"fronts\" must be 1 to %d", FRONTS_MAX);
	config->fronts = (unsigned)fronts;
	return read_store(object, config);
}

/* A misspelt member would be a setting that silently doesn't hold. */
static int refuse_unknown(json_t *object)
{
	static const char *const names[] = { "version",	     "url",    "admin_url", "listen",
					     "admin_listen", "fronts", "assets",    "user",
					     "store",	     "node",   "witness",   "kek",
					     "names" };
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			known |= strcmp(names[i], name) == 0;
		if (!known)
			return fail(-EINVAL, "\"%.64s\" isn't a setting of this version", name);
	}
	return 0;
}

static int read_members(json_t *object, struct server_config *config)
{
	uint64_t version;
	int r;

	r = js_u64(object, "version", &version);
	if (r < 0)
		return r;
	if (version != CONFIG_VERSION)
		return fail(-EINVAL, "\"version\" must be %d: this file is of another panocryptd",
			    CONFIG_VERSION);
	r = refuse_unknown(object);
	if (r == 0)
		r = read_url(object, "url", &config->url);
	if (r == 0)
		r = read_url(object, "admin_url", &config->admin_url);
	if (r == 0)
		r = read_listen(object, "listen", &config->listen);
	if (r == 0)
		r = read_listen(object, "admin_listen", &config->admin_listen);
	if (r == 0)
		r = read_optional(object, config);
	if (r == 0 && config->url.is_address)
		return fail(-EINVAL, "\"url\" must be a name, not an address: it stays in every "
				     "host's header for ever");
	return r;
}

int config_parse(const char *text, size_t len, const char *dir, struct server_config *ret)
{
	CLEANUP_JSON json_t *object = NULL;
	struct server_config config = { .fronts = 1 };
	int r;

	r = copy_text(config.dir, sizeof(config.dir), dir, "the folder's name");
	if (r < 0)
		return r;
	r = js_parse(text, len, CONFIG_MAX_BYTES, &object);
	if (r < 0)
		return r;
	if (!json_is_object(object))
		return fail(-EINVAL, "it must be a JSON object");
	r = read_members(object, &config);
	if (r < 0)
		return r;
	*ret = config;
	return 0;
}

int config_load(const char *dir, struct server_config *ret)
{
	char path[CONFIG_PATH_SIZE];
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	config_path(dir, CONFIG_FILE_CONFIG, path);
	r = file_read(path, CONFIG_MAX_BYTES, &text, &len);
	if (r == -ENOENT)
		return fail(r,
			    "%s doesn't exist: make the server's folder with \"panocryptd init "
			    "--dir %s --url https://NAME:PORT …\"",
			    path, dir);
	if (r < 0)
		return r;
	r = config_parse(text, len, dir, ret);
	return r < 0 ? fail_at(r, "%s is damaged or was cut, correct it or restore a copy", path)
		     : 0;
}

static int print_names(const struct server_config *config, json_t *object)
{
	json_t *array = json_array();

	for (size_t i = 0; i < config->name_count; i++)
		json_array_append_new(array, json_string(config->names[i]));
	if (json_array_size(array) != config->name_count) {
		json_decref(array);
		return -ENOMEM;
	}
	if (config->name_count == 0) {
		json_decref(array);
		return 0;
	}
	return json_object_set_new(object, "names", array) ? -ENOMEM : 0;
}

/* What differs from the default; the file then follows its folder when that is moved. */
static int print_optional(const struct server_config *config, json_t *object)
{
	char assets[CONFIG_PATH_SIZE], store[CONFIG_PATH_SIZE];
	const struct {
		const char *name, *value, *otherwise;
	} members[] = {
		{ "assets", config->assets, assets }, { "user", config->user, "" },
		{ "store", config->store, store },    { "node", config->node, "" },
		{ "witness", config->witness, "" },   { "kek", config->kek, "" },
	};

	snprintf(assets, sizeof(assets), "%s/assets", config->dir);
	config_path(config->dir, CONFIG_FILE_STORE, store);
	if (print_names(config, object) < 0)
		return fail(-ENOMEM, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (strcmp(members[i].value, members[i].otherwise) != 0 &&
		    json_object_set_new(object, members[i].name, json_string(members[i].value)))
			return fail(-ENOMEM, "out of memory");
	return 0;
}

int config_print(const struct server_config *config, char **ret)
{
	CLEANUP_JSON json_t *object = NULL;
	CLEANUP_FREE char *listen = NULL;
	CLEANUP_FREE char *admin_listen = NULL;
	int r;

	r = config_print_listen(&config->listen, &listen);
	if (r == 0)
		r = config_print_listen(&config->admin_listen, &admin_listen);
	if (r < 0)
		return r;
	object = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i}", "version", CONFIG_VERSION, "url",
			   config->url.text, "admin_url", config->admin_url.text, "listen", listen,
			   "admin_listen", admin_listen, "fronts", (int)config->fronts);
	if (!object)
		return fail(-ENOMEM, "out of memory");
	r = print_optional(config, object);
	return r < 0 ? r : js_print_pretty(object, ret);
}
