/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The boot step's way to the server and to an open root, by the programs and files that stay on the
 * machine: that is what makes the rehearsal one.
 */
#include "bootstrap/boot_run.h"

#include "bootstrap/cipher.h"
#include "bootstrap/dm.h"
#include "bootstrap/hot_chunk.h"
#include "bootstrap/kmods.h"
#include "bootstrap/spawn.h"
#include "bootstrap/unlock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define NETWORK_SCRIPT "/scripts/local-top/panocrypt-network"
#define NETWORK_TIMEOUT_S 60
#define RETRY_PAUSE_S 3
#define ATTEMPTS 3
#define ATTEMPT_LEAST_S 20 /* a shorter one would only say that it was stopped */
#define EXPLAIN_TIMEOUT_S 14
#define VARIABLE_MAX 256

/* What init exports to the scripts it runs (initramfs-tools, init); spawn() passes nothing on by
 * itself. */
static const char *const script_variables[] = { "quiet",  "starttime", "IP",	  "DEVICE",
						"BOOTIF", "BOOT",      "rootmnt", "DPKG_ARCH" };

/* "NAME=value" texts in lines, env pointing at them and ending with NULL. */
static int script_environment(char lines[][VARIABLE_MAX], const char **env)
{
	for (size_t i = 0; i < ARRAY_SIZE(script_variables); i++) {
		const char *value = getenv(script_variables[i]);
		int n = snprintf(lines[i], VARIABLE_MAX, "%s=%s", script_variables[i],
				 value ? value : "");

		if (n < 0 || n >= VARIABLE_MAX)
			return fail(-E2BIG, "%s from the command line is too long",
				    script_variables[i]);
		env[i] = lines[i];
	}
	env[ARRAY_SIZE(script_variables)] = NULL;
	return 0;
}

int boot_network(void)
{
	char lines[ARRAY_SIZE(script_variables)][VARIABLE_MAX];
	const char *env[ARRAY_SIZE(script_variables) + 1];
	struct spawn script = { .argv = { "sh", NETWORK_SCRIPT, "foreground" },
				.extra_env = env,
				.timeout_s = NETWORK_TIMEOUT_S };
	int r = script_environment(lines, env);

	if (r < 0)
		return r;
	log_info("bringing the boot network up");
	r = spawn_run(&script);
	return r < 0 ? fail_at(r, "the boot network did not come up") : 0;
}

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec;
}

static int one_attempt(const struct luks_where *where, unsigned timeout_s, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = unlock_clevis(where, timeout_s, &secret);

	if (r < 0)
		return r;
	r = luks_try_passphrase(where, &secret);
	if (r == -EPERM)
		return fail(r, "what the server's answer gave opens no keyslot of %s",
			    where->header);
	if (r < 0)
		return r;
	*ret = secret;
	secret = SECRET_EMPTY;
	return 0;
}

/* clevis keeps curl's words to itself; asking the same server for something public shows them. */
static int explain(const char *device_url, int reason)
{
	CLEANUP_FREE char *words = strdup(fail_text()), *url = NULL;
	struct spawn curl = { .argv = { "curl", "-sSfg", "-o", "/dev/null", NULL },
			      .timeout_s = EXPLAIN_TIMEOUT_S };

	if (!words || text_format(&url, "%s/adv", device_url) < 0)
		return reason;
	curl.argv[4] = url;
	if (spawn_run(&curl) < 0)
		return fail_at(reason, "the server can't be reached");
	return fail(reason, "%s", words);
}

int boot_secret(const struct luks_where *where, const char *device_url, unsigned budget_s,
		struct secret *ret)
{
	const uint64_t end_s = now_s() + budget_s;

	for (unsigned attempt = 1;; attempt++) {
		uint64_t now = now_s();
		int r;

		log_info("asking the server, attempt %u", attempt);
		r = one_attempt(where, (unsigned)(end_s > now ? end_s - now : 1), ret);
		if (r == 0)
			return 0;
		log_failure(r);
		if (attempt == ATTEMPTS || now_s() + RETRY_PAUSE_S + ATTEMPT_LEAST_S > end_s)
			return explain(device_url, r);
		/* between attempts, as Clevis's own loop does */
		poll(NULL, 0, RETRY_PAUSE_S * 1000);
	}
}

/* The kernel loads both by itself when modprobe is in the image; a failure shows in the words of
 * whoever needs them. */
void boot_load_crypt(void)
{
	if (kmods_load("dm_mod") < 0 || kmods_load("dm_crypt") < 0)
		fail_clear();
}

int boot_try_cipher(const char *text)
{
	const struct cipher *cipher = cipher_find(text);

	if (!cipher)
		return fail(-EINVAL, "the intent's cipher \"%s\" is none that this version knows",
			    text);
	boot_load_crypt();
	return dm_try_cipher(cipher->text, cipher->key_bytes);
}

/* What fails here is left to the distribution, which repeats a cut chunk when it activates. */
static void finish_chunk(const char *device, const struct secret *secret)
{
	int r = hot_chunk_finish(&(struct luks_where){ device, NULL }, secret);

	if (r == HOT_CHUNK_FINISHED)
		log_info("open: the chunk in which the power was cut is finished");
	else if (r < 0)
		log_warning("open: the chunk in which the power was cut is left to cryptsetup: %s",
			    fail_text());
}

int boot_open(const char *device, const struct secret *secret)
{
	struct spawn open = {
		.argv = { "cryptsetup", "open", "--type", "luks2", "--key-file=-", device,
			  MAPPING_NAME },
		.input_secret = secret,
		.timeout_s = 300, /* it may have to finish a cut chunk, where we couldn't */
	};
	struct spawn settle = { .argv = { "udevadm", "settle", "--timeout=30" } };
	int r;

	finish_chunk(device, secret);
	r = spawn_run(&open);
	if (r < 0)
		return r;
	return spawn_run(&settle);
}
