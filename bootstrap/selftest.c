/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The self-test's runner, its scratch folder, and the checks of the small libraries. Uses the
 * libraries directly, beside the gateways: it is about what got linked, not about the project's
 * own logic. Decides nothing.
 */
#include "bootstrap/selftest.h"

#include "bootstrap/selftest_checks.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/tree.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <jansson.h>
#include <libdevmapper.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <uuid/uuid.h>

void selftest_path(const struct selftest *test, const char *name,
		   char ret[static SELFTEST_PATH_MAX])
{
	snprintf(ret, SELFTEST_PATH_MAX, "%s/%s", test->dir, name);
}

int selftest_make_file(const struct selftest *test, const char *name, uint64_t size_bytes,
		       char ret[static SELFTEST_PATH_MAX])
{
	CLEANUP_CLOSE int fd = -1;

	selftest_path(test, name, ret);
	fd = open(ret, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0)
		return fail(-errno, "can't make %s: %s", ret, strerror(errno));
	return 0;
}

/* SHA-256 of nothing, from FIPS 180. */
static int check_openssl(struct selftest *test)
{
	static const uint8_t expected[] = { 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14 };
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest("", 0, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
		return fail(-EIO, "SHA-256 can't be computed");
	if (memcmp(digest, expected, sizeof(expected)) != 0)
		return fail(-EIO, "SHA-256 of nothing is wrong");
	snprintf(test->detail, sizeof(test->detail), "%s", OpenSSL_version(OPENSSL_VERSION_STRING));
	return 0;
}

static bool has_protocol(const curl_version_info_data *info, const char *name)
{
	for (const char *const *p = info->protocols; *p; p++)
		if (!strcmp(*p, name))
			return true;
	return false;
}

static int check_curl(struct selftest *test)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	CURL *curl;

	if (!has_protocol(info, "https"))
		return fail(-EIO, "libcurl has no https");
	if (!info->ssl_version || strncmp(info->ssl_version, "OpenSSL/", 8) != 0)
		return fail(-EIO, "libcurl's TLS isn't OpenSSL");
	curl = curl_easy_init();
	if (!curl)
		return fail(-ENOMEM, "libcurl gives no handle");
	curl_easy_cleanup(curl);
	snprintf(test->detail, sizeof(test->detail), "%s %s", info->version, info->ssl_version);
	return 0;
}

static int check_jansson(struct selftest *test)
{
	json_t *value = json_pack("{s:[i,s],s:b}", "a", 1, "two", "b", 1);
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_t *again = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	bool is_equal = again && json_equal(value, again);

	(void)test;
	json_decref(value);
	json_decref(again);
	free(text);
	return is_equal ? 0 : fail(-EIO, "a JSON value doesn't survive printing and parsing");
}

static int check_uuid(struct selftest *test)
{
	uuid_t made, parsed;
	char text[UUID_STR_LEN];

	(void)test;
	uuid_generate_random(made);
	uuid_unparse_lower(made, text);
	if (uuid_parse(text, parsed) != 0 || uuid_compare(made, parsed) != 0)
		return fail(-EIO, "a UUID doesn't survive printing and parsing");
	return 0;
}

static int check_devmapper(struct selftest *test)
{
	char version[64] = "";

	if (!dm_get_library_version(version, sizeof(version)))
		return fail(-EIO, "libdevmapper doesn't tell its version");
	snprintf(test->detail, sizeof(test->detail), "%s", version);
	return 0;
}

/* Lookups are where a static program may load foreign code: on a machine whose nsswitch.conf names
 * modules, surviving this is the check. */
static int check_names(struct selftest *test)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	int r;

	if (access("/etc/hosts", R_OK) < 0 || access("/etc/passwd", R_OK) < 0) {
		snprintf(test->detail, sizeof(test->detail), "no /etc/hosts or no /etc/passwd");
		return SELFTEST_SKIPPED;
	}
	r = getaddrinfo("localhost", "443", &hints, &found);
	if (r)
		return fail(-EIO, "localhost isn't found: %s", gai_strerror(r));
	freeaddrinfo(found);
	if (!getpwnam("root"))
		return fail(-EIO, "user root isn't found");
	return getpwnam("no-such-user-here") ? fail(-EIO, "a user is found that isn't there") : 0;
}

/* As deep as nothing in an image is: what the C library walks a tree with may have a limit. */
static int check_tree(struct selftest *test)
{
	char path[SELFTEST_PATH_MAX];
	size_t len;
	int r;

	selftest_path(test, "tree", path);
	len = strlen(path);
	while (len + 2 < sizeof(path)) {
		memcpy(path + len, "/d", 3);
		len += 2;
	}
	r = file_mkdirs(path, 0700);
	selftest_path(test, "tree", path);
	if (r == 0)
		r = tree_remove(path);
	if (r < 0)
		return r;
	return file_exists(path) ? fail(-EIO, "%s is still there", path) : 0;
}

static const struct selftest_check checks[] = {
	{ "openssl", check_openssl },
	{ "curl", check_curl },
	{ "jansson", check_jansson },
	{ "uuid", check_uuid },
	{ "devmapper", check_devmapper },
	{ "names", check_names },
	{ "tree", check_tree },
	{ "jose-algorithms", selftest_jose_algorithms },
	{ "jose-ecmr", selftest_jose_exchange },
	{ "jose-es512", selftest_jose_signature },
	{ "jose-ecdh-es", selftest_jose_encryption },
	{ "mounts", selftest_mounts },
	{ "partitions", selftest_partitions },
	{ "modules", selftest_modules },
	{ "luks", selftest_luks },
	{ "luks-probe", selftest_luks_probe },
	{ "luks-reencrypt", selftest_reencrypt },
};

/* One new folder, used by all checks. */
static int make_scratch(char *ret_dir, size_t size)
{
	static const char *const parents[] = { "/tmp", "/run", "" };
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		snprintf(ret_dir, size, "%s/panocrypt-selftest.XXXXXX", parents[i]);
		if (mkdtemp(ret_dir))
			return 0;
		r = -errno;
	}
	return fail(r, "no scratch folder in /tmp, /run or /: %s", strerror(-r));
}

/* Prints the check's line; true unless it failed. */
static bool run_check(const struct selftest_check *check, const char *dir)
{
	struct selftest test = { .dir = dir };
	int r;

	fail_clear();
	r = check->run(&test);
	if (r < 0)
		printf("FAIL %s: %s\n", check->name, fail_text());
	else
		printf("%s %s%s%s\n", r == SELFTEST_SKIPPED ? "skip" : "ok", check->name,
		       test.detail[0] ? ": " : "", test.detail);
	fflush(stdout);
	return r >= 0;
}

int selftest_run(void)
{
	char dir[64];
	bool is_good = true;

	if (make_scratch(dir, sizeof(dir)) < 0) {
		printf("FAIL scratch: %s\n", fail_text());
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		is_good &= run_check(&checks[i], dir);
	if (tree_remove(dir) < 0) {
		printf("FAIL scratch: %s can't be removed\n", dir);
		is_good = false;
	}
	return is_good ? 0 : 1;
}
