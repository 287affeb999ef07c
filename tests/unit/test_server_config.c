/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config.json: what is read, and that every damage is refused with a sentence that names it.
 * UNIT_SOURCES: server/config*.c
 */
#include "server/config.h"

#include "common/cleanup.h"
#include "common/file.h"
#include "tests/unit/unit.h"

#define GOOD                                                                                       \
	"{\"version\":1,\"url\":\"https://Unlock.example.com:8443\","                              \
	"\"admin_url\":\"https://admin.example.com:8444/\",\"listen\":\"[::]:8443\","              \
	"\"admin_listen\":\"127.0.0.1:8444\"}"

static int parse(const char *text, struct server_config *ret)
{
	return config_parse(text, strlen(text), "/srv/p", ret);
}

static void reads_a_good_one(void **state)
{
	struct server_config config;
	CLEANUP_FREE char *printed = NULL;
	struct server_config again;

	(void)state;
	assert_ok(parse(GOOD, &config));
	assert_string_equal(config.url.text, "https://unlock.example.com:8443");
	assert_string_equal(config.url.host, "unlock.example.com");
	assert_int_equal(config.url.port, 8443);
	assert_string_equal(config.admin_url.text, "https://admin.example.com:8444");
	assert_string_equal(config.listen.host, "::");
	assert_string_equal(config.admin_listen.host, "127.0.0.1");
	assert_int_equal(config.admin_listen.port, 8444);
	assert_string_equal(config.dir, "/srv/p");
	assert_string_equal(config.assets, "/srv/p/assets");
	assert_int_equal(config.fronts, 1);
	assert_ok(config_print(&config, &printed));
	assert_null(strstr(printed, "assets"));
	assert_ok(parse(printed, &again));
	assert_memory_equal(&config, &again, sizeof(config));
}

static void knows_where_the_store_is(void **state)
{
	static const char url[] = "postgresql://p@/p?host=/run/postgresql";
	struct server_config config;
	CLEANUP_FREE char *printed = NULL;
	char writer[CONFIG_WRITER_SIZE];

	(void)state;
	assert_ok(parse(GOOD, &config));
	assert_string_equal(config.store, "/srv/p/panocrypt.db");
	config_writer(&config, "core", writer);
	assert_string_equal(writer, "core");
	assert_ok(config_set_store(&config, url, "node-1"));
	config_writer(&config, "core", writer);
	assert_string_equal(writer, "core@node-1");
	assert_ok(config_print(&config, &printed));
	assert_ok(parse(printed, &config));
	assert_string_equal(config.store, url);
	assert_string_equal(config.node, "node-1");
}

/* A file that was cut anywhere is never taken for a smaller configuration. */
static void refuses_every_cut(void **state)
{
	char text[] = GOOD;
	struct server_config config;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		if (config_parse(text, len, "/srv/p", &config) >= 0)
			fail_msg("accepted when cut at %zu", len);
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *from, *to, *said;
	} rows[] = {
		{ "\"version\":1", "\"version\":2", "\"version\" must be 1" },
		{ "\"version\":1", "\"version\":\"1\"", "version" },
		{ "\"version\":1,", "", "version" },
		{ "https://Unlock.example.com:8443", "http://unlock.example.com:8443", "\"url\"" },
		{ "https://Unlock.example.com:8443", "https://10.1.2.3:8443", "must be a name" },
		{ "https://Unlock.example.com:8443", "https://[2001:db8::1]:8443",
		  "must be a name" },
		{ "https://Unlock.example.com:8443", "https://a.example/d",
		  "without user or path" },
		{ "https://Unlock.example.com:8443", "https://a@b.example",
		  "without user or path" },
		{ "https://Unlock.example.com:8443", "https://", "\"url\"" },
		{ "https://Unlock.example.com:8443", "https://-a.example", "DNS name" },
		{ "https://Unlock.example.com:8443", "https://a..example", "DNS name" },
		{ "https://Unlock.example.com:8443", "https://1.2.3", "DNS name" },
		{ "https://Unlock.example.com:8443", "https://a.example:0", "1 to 65535" },
		{ "https://Unlock.example.com:8443", "https://a.example:65536", "1 to 65535" },
		{ "[::]:8443", "localhost:8443", "not a name" },
		{ "\"version\":1", "\"store\":\"panocrypt.db\",\"version\":1", "begins with /" },
		{ "\"version\":1", "\"store\":\"host=/tmp\",\"version\":1", "postgresql://" },
		{ "\"version\":1", "\"store\":\"postgresql://a@/b\",\"version\":1",
		  "name for this node is missing" },
		{ "\"version\":1", "\"store\":\"postgresql://a@/b\",\"node\":\"\",\"version\":1",
		  "missing" },
		{ "\"version\":1", "\"node\":\"a b\",\"version\":1", "letters, digits and dashes" },
		{ "\"version\":1", "\"node\":\"a@b\",\"version\":1", "letters, digits and dashes" },
		{ "\"version\":1", "\"node\":\"a23456789012345678901234567890123\",\"version\":1",
		  "at most 32" },
		{ "\"version\":1", "\"store\":7,\"version\":1", "store" },
		{ "[::]:8443", "[::]", "\"listen\"" },
		{ "[::]:8443", "[::", "\"listen\"" },
		{ "[::]:8443", "8443", "\"listen\"" },
		{ "\"version\":1", "\"version\":1,\"fronts\":0", "\"fronts\" must be" },
		{ "\"version\":1", "\"version\":1,\"fronts\":65", "\"fronts\" must be" },
		{ "\"version\":1", "\"version\":1,\"listne\":\"x\"", "\"listne\" isn't a setting" },
		{ "\"version\":1", "\"version\":1,\"version\":1", "duplicate" },
		{ "\"listen\":\"[::]:8443\",", "", "listen" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[1024];
		const char *at = strstr(GOOD, rows[i].from);
		struct server_config config;

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, rows[i].to,
			 at + strlen(rows[i].from));
		fail_clear();
		if (parse(text, &config) >= 0)
			fail_msg("accepted: %s", text);
		assert_said(rows[i].said);
	}
}

static void refuses_garbage(void **state)
{
	static const char *const texts[] = {
		"", "x", "[]", "null", "{}", "\x80\xff", "{\"version\":1}"
	};
	struct server_config config;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (parse(texts[i], &config) >= 0)
			fail_msg("accepted: %s", texts[i]);
}

static void says_what_to_do_with_a_file(void **state)
{
	char dir[] = "/tmp/panocrypt-config-XXXXXX", path[CONFIG_PATH_SIZE];
	struct server_config config;

	(void)state;
	assert_non_null(mkdtemp(dir));
	config_path(dir, CONFIG_FILE_CONFIG, path);
	assert_int_equal(config_load(dir, &config), -ENOENT);
	assert_said("panocryptd init");
	assert_ok(file_replace_text(path, "{\"version\":1,\"ur", 0600));
	assert_int_equal(config_load(dir, &config), -EINVAL);
	assert_said("damaged or was cut");
	assert_said(path);
	assert_ok(file_replace_text(path, GOOD, 0600));
	assert_ok(config_load(dir, &config));
	unlink(path);
	rmdir(dir);
}

static void reads_names(void **state UNUSED)
{
	static const struct {
		const char *names, *said;
	} rows[] = {
		{ "[\"a.example.com\",\"192.0.2.1\"]", "isn't a DNS name" },
		{ "[\"a..example.com\"]", "isn't a DNS name" },
		{ "[7]", "must be a text" },
		{ "\"a.example.com\"", "must be an array" },
		{ "[\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\"]",
		  "more than 8" },
	};
	CLEANUP_FREE char *printed = NULL;
	struct server_config config, again;
	char text[1024];
	size_t len = strlen(GOOD) - 1;

	snprintf(text, sizeof(text), "%.*s,\"names\":[\"Old.example.com\",\"new.example.com\"]}",
		 (int)len, GOOD);
	assert_ok(config_parse(text, strlen(text), "/d", &config));
	assert_int_equal(config.name_count, 2);
	assert_string_equal(config.names[0], "old.example.com");
	assert_ok(config_print(&config, &printed));
	assert_ok(config_parse(printed, strlen(printed), "/d", &again));
	assert_int_equal(again.name_count, 2);
	assert_string_equal(again.names[1], "new.example.com");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "%.*s,\"names\":%s}", (int)len, GOOD, rows[i].names);
		assert_int_equal(config_parse(text, strlen(text), "/d", &config), -EINVAL);
		assert_said(rows[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_good_one),
		cmocka_unit_test(knows_where_the_store_is),
		cmocka_unit_test(refuses_every_cut),
		cmocka_unit_test(reads_names),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(refuses_garbage),
		cmocka_unit_test(says_what_to_do_with_a_file),
	};

	return cmocka_run_group_tests_name("server_config", tests, NULL, NULL);
}
