/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "init" and certificates: what is made, that nothing is ever replaced, what is refused, and when a
 * leaf is renewed. The openssl tool is the second opinion on certificates.
 * UNIT_SOURCES: server/init*.c server/join.c server/ca.c server/cidr.c server/config*.c
 * UNIT_SOURCES: server/reason.c server/core/advert.c server/core/audit.c server/core/connections.c
 * UNIT_SOURCES: server/core/exchange.c server/core/keys.c server/core/mint.c
 * UNIT_SOURCES: server/core/checkpoint.c server/core/checkpoint_gap.c
 * UNIT_SOURCES: server/core/checkpoint_prune.c server/core/checkpoint_format.c
 * UNIT_SOURCES: server/core/witness.c server/core/parts.c server/core/throttle.c
 * UNIT_SOURCES: server/core/epoch.c server/core/kek.c server/core/pkcs11.c server/core/kek_copy.c
 * UNIT_SOURCES: server/store/?*.c server/rate.c server/waiver.c
 */
#include <sys/stat.h>
#include <time.h>

#include "common/file.h"
#include "server/ca.h"
#include "server/init.h"
#include "tests/unit/server_fixture.h"

/* Stands in for libc's, also inside OpenSSL: tests move it. */
static time_t time_offset_s;

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += time_offset_s;
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

struct place {
	char top[64], dir[80];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->top, "/tmp/panocrypt-init-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	snprintf(place->dir, sizeof(place->dir), "%s/new/d", place->top);
	time_offset_s = 0;
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -r %s", place->top);
	r = system(command);
	free(place);
	return r;
}

#define URL "https://unlock.example.com:8443"
#define ADMIN_URL "https://192.0.2.1:8444"

static int init(const char *dir, const char *url, const char *organization)
{
	const char *const words[] = { "init",	    "--dir",	   dir,	      "--url",
				      url,	    "--admin-url", ADMIN_URL, "--organization",
				      organization, "--admin",	   "alice" };
	char *argv[ARRAY_SIZE(words) + 1] = { NULL };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		argv[i] = strdup(words[i]);
		assert_non_null(argv[i]);
	}
	fail_clear();
	r = init_main(ARRAY_SIZE(words), argv);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		free(argv[i]);
	return r;
}

/* A command in the server's folder; its exit status. */
static int shell(const struct place *place, const char *text)
{
	char command[400];

	snprintf(command, sizeof(command), "cd %s && { %s; } >/dev/null 2>&1", place->dir, text);
	return system(command);
}

static mode_t mode_of(const struct place *place, enum config_file file)
{
	char path[CONFIG_PATH_SIZE];
	struct stat info;

	config_path(place->dir, file, path);
	assert_int_equal(stat(path, &info), 0);
	return info.st_mode & 0777;
}

static void makes_a_folder(void **state)
{
	struct place *place = *state;
	struct server_config config;
	char path[CONFIG_PATH_SIZE];
	CLEANUP_FREE char *token = NULL;
	CLEANUP(store_closep) struct store *store = NULL;
	struct core_parts parts;
	struct store_user user;
	struct stat info;

	assert_int_equal(init(place->dir, URL, "example"), 0);
	assert_int_equal(stat(place->dir, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	for (int file = 0; file < CONFIG_FILE_COUNT; file++) {
		bool is_public = file == CONFIG_FILE_CONFIG || file == CONFIG_FILE_CA ||
				 file == CONFIG_FILE_LEAF || file == CONFIG_FILE_AUDIT_PUBLIC;

		if (file == CONFIG_FILE_KEK_NEXT || file == CONFIG_FILE_KEK_COPY)
			continue; /* made later, or when asked for */
		assert_int_equal(mode_of(place, (enum config_file)file), is_public ? 0644 : 0600);
	}
	assert_ok(config_load(place->dir, &config));
	assert_string_equal(config.url.text, URL);
	assert_string_equal(config.listen.host, "::");
	assert_int_equal(config.listen.port, 8443);
	config_path(place->dir, CONFIG_FILE_ADMIN_TOKEN, path);
	assert_ok(file_read(path, 100, &token, NULL));
	assert_int_equal(strlen(token), 44);
	token[43] = '\0';
	config_path(place->dir, CONFIG_FILE_STORE, path);
	assert_ok(store_open(path, "admin", &store));
	assert_ok(store_token_user(store, token, &user));
	assert_string_equal(user.name, "alice");
	assert_string_equal(user.organization_name, "example");
	assert_int_equal(user.role, ROLE_OWNER);
	assert_ok(store_audit_verify(store));
	assert_ok(core_parts_open(&config, &parts));
	core_parts_close(&parts);
}

static void replaces_nothing(void **state)
{
	struct place *place = *state;
	CLEANUP_FREE char *before = NULL;
	CLEANUP_FREE char *after = NULL;
	char path[CONFIG_PATH_SIZE];
	size_t len;

	assert_int_equal(init(place->dir, URL, "example"), 0);
	config_path(place->dir, CONFIG_FILE_KEK, path);
	assert_ok(file_read(path, 100, &before, &len));
	assert_int_not_equal(init(place->dir, URL, "example"), 0);
	assert_said("already");
	assert_ok(file_read(path, 100, &after, &len));
	assert_memory_equal(before, after, len);
	/* One that was cut before its last step is told apart, and not replaced either. */
	config_path(place->dir, CONFIG_FILE_CONFIG, path);
	assert_int_equal(unlink(path), 0);
	assert_int_not_equal(init(place->dir, URL, "example"), 0);
	assert_said("was cut here");
	assert_int_equal(access(path, F_OK), -1);
}

static void refuses(void **state)
{
	static const struct {
		const char *url, *organization, *said;
	} rows[] = {
		{ "https://192.0.2.1:8443", "example", "must be a DNS name" },
		{ "https://[2001:db8::1]:8443", "example", "must be a DNS name" },
		{ "https://[::ffff:192.0.2.1]:8443", "example", "must be a DNS name" },
		{ "http://unlock.example.com", "example", "https://" },
		{ "unlock.example.com", "example", "https://" },
		{ "https://unlock.example.com/d", "example", "without user or path" },
		{ "", "example", "--url is missing" },
		{ URL, "", "--organization is missing" },
		{ URL, "a\nb", "control character" },
	};
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_not_equal(init(place->dir, rows[i].url, rows[i].organization), 0);
		assert_said(rows[i].said);
		assert_int_equal(access(place->dir, F_OK), -1);
	}
}

static void makes_right_certificates(void **state)
{
	struct place *place = *state;

	assert_int_equal(init(place->dir, URL, "example"), 0);
	assert_int_equal(shell(place, "openssl verify -x509_strict -purpose sslserver"
				      " -verify_hostname unlock.example.com -CAfile ca.pem"
				      " leaf.pem"),
			 0);
	assert_int_equal(shell(place, "openssl verify -x509_strict -verify_ip 192.0.2.1"
				      " -CAfile ca.pem leaf.pem"),
			 0);
	assert_int_not_equal(shell(place, "openssl verify -verify_hostname other.example.com"
					  " -CAfile ca.pem leaf.pem"),
			     0);
	assert_int_equal(shell(place, "openssl x509 -in ca.pem -noout -checkend 315360000"
				      " && ! openssl x509 -in leaf.pem -noout"
				      " -checkend 7862400"),
			 0);
}

static bool renew(const struct place *place)
{
	struct server_config config;
	bool is_renewed = false;

	assert_ok(config_load(place->dir, &config));
	assert_ok(ca_renew_leaf(&config, &is_renewed));
	assert_int_equal(shell(place, "openssl verify -no_check_time -CAfile ca.pem leaf.pem"
				      ""),
			 0);
	return is_renewed;
}

static void renews_leaves(void **state)
{
	struct place *place = *state;
	struct server_config config;
	char path[CONFIG_PATH_SIZE];
	bool is_renewed;

	assert_int_equal(init(place->dir, URL, "example"), 0);
	assert_false(renew(place));
	time_offset_s = 44L * 24 * 3600;
	assert_false(renew(place));
	time_offset_s = 46L * 24 * 3600; /* past half its life */
	assert_true(renew(place));
	assert_false(renew(place));
	time_offset_s = 200L * 24 * 3600; /* long expired */
	assert_true(renew(place));
	time_offset_s = 0;
	config_path(place->dir, CONFIG_FILE_LEAF, path);
	assert_int_equal(unlink(path), 0);
	assert_true(renew(place));
	/* Cut between the key's file and the certificate's: they don't fit together. */
	config_path(place->dir, CONFIG_FILE_LEAF_KEY, path);
	assert_int_equal(shell(place, "openssl ecparam -name prime256v1 -genkey -noout"
				      " -out leaf.key"),
			 0);
	assert_true(renew(place));
	assert_ok(file_replace_text(path, "garbage", 0600));
	assert_true(renew(place));
	assert_false(renew(place));
	/* A new name. */
	assert_ok(config_load(place->dir, &config));
	assert_ok(config_parse_url("https://other.example.com", &config.admin_url));
	assert_ok(ca_renew_leaf(&config, &is_renewed));
	assert_true(is_renewed);
}

static void needs_the_ca(void **state)
{
	struct place *place = *state;
	struct server_config config;
	char path[CONFIG_PATH_SIZE];

	assert_int_equal(init(place->dir, URL, "example"), 0);
	assert_ok(config_load(place->dir, &config));
	assert_int_equal(ca_create(&config, "example"), -EEXIST);
	config_path(place->dir, CONFIG_FILE_CA_KEY, path);
	assert_int_equal(unlink(path), 0);
	assert_ok(ca_renew_leaf(&config, NULL)); /* nothing to do yet */
	time_offset_s = 46L * 24 * 3600;
	assert_int_equal(ca_renew_leaf(&config, NULL), -ENOENT);
	assert_said("ca.key is missing");
	config_path(place->dir, CONFIG_FILE_CA, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ca_renew_leaf(&config, NULL), -ENOENT);
	assert_said("ca.pem is missing");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(makes_a_folder), WITH_PLACE(replaces_nothing),
		WITH_PLACE(refuses),	    WITH_PLACE(makes_right_certificates),
		WITH_PLACE(renews_leaves),  WITH_PLACE(needs_the_ca),
	};

	return cmocka_run_group_tests_name("server_init", tests, NULL, NULL);
}
