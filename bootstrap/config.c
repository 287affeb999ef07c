/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one table of options, their defaults, and what can be said about a value without looking at
 * the machine. Reads no file.
 */
#include "bootstrap/config.h"

#include "bootstrap/cipher.h"
#include "bootstrap/free_space.h"
#include "bootstrap/intent.h"
#include "common/enrollment_key.h"
#include "common/err.h"
#include "common/secret.h"

#include <errno.h>
#include <string.h>

#define BOOT_BYTES_DEFAULT (768 * MIB)
#define BOOT_BYTES_LEAST (256 * MIB)
#define RATE_LEAST_BYTES (256 * KIB) /* a chunk a minute: below, a machine would never be done */
#define SERVER_CHARS_MAX 400	     /* leaves room for a path in struct intent */
#define RECOVERY_OUTPUT_DEFAULT "/root/panocrypt-recovery-passphrase.txt"

#define AT(field) offsetof(struct config, field)

/* The last HIDDEN_ROWS rows are for tests and stay out of the usage text. */
#define HIDDEN_ROWS 1

static const struct option_row rows[] = {
	{ "server", "PANOCRYPT_SERVER", OPTION_TEXT, AT(server), "URL",
	  "the unlock server, as https://name:port" },
	{ "enrollment-key", "PANOCRYPT_ENROLLMENT_KEY", OPTION_TEXT, AT(enrollment_key), "KEY",
	  "the enrollment key; better in the environment, where other users don't see it" },
	{ "ca", "PANOCRYPT_CA", OPTION_TEXT, AT(ca_file), "FILE",
	  "PEM file of the authority that signs the server's certificate; without it: the "
	  "system's authorities" },
	{ "recovery-passphrase-file", "PANOCRYPT_RECOVERY_PASSPHRASE_FILE", OPTION_TEXT,
	  AT(recovery_passphrase_file), "FILE",
	  "file with your recovery passphrase (mode 600); without it one is generated" },
	{ "recovery-output", "PANOCRYPT_RECOVERY_OUTPUT", OPTION_TEXT, AT(recovery_output), "FILE",
	  "where a generated one is written, once the disk is encrypted "
	  "(" RECOVERY_OUTPUT_DEFAULT ")" },
	{ "boot-size", "PANOCRYPT_BOOT_SIZE", OPTION_SIZE, AT(boot_bytes), "SIZE",
	  "size of the /boot partition to make (768M)" },
	{ "leave-plain", "PANOCRYPT_LEAVE_PLAIN", OPTION_LIST, AT(leave_plain), "MOUNTPOINT",
	  "another writable filesystem that may stay unencrypted; may be repeated" },
	{ "coverage", "PANOCRYPT_COVERAGE", OPTION_TEXT, AT(coverage), "used|full",
	  "encrypt the used part and wipe the rest (used), or encrypt everything (full)" },
	{ "free-space", "PANOCRYPT_FREE_SPACE", OPTION_TEXT, AT(free_space), "HOW",
	  "old plaintext behind the encrypted part: zero, random, discard (the device may keep "
	  "it), keep (zero)" },
	{ "cipher", "PANOCRYPT_CIPHER", OPTION_TEXT, AT(cipher), "CIPHER",
	  "auto, aes-xts-plain64 or xchacha20,aes-adiantum-plain64; auto is AES, but where the "
	  "processor has no instructions for it what was measured to be faster (auto)" },
	{ "rotate-after", "PANOCRYPT_ROTATE_AFTER", OPTION_FLAG, AT(rotate_after), NULL,
	  "then encrypt the whole disk once more, with a new volume key: the first one, which was "
	  "in the memory of the running machine all the time, opens nothing any more" },
	{ "max-rate", "PANOCRYPT_MAX_RATE", OPTION_SIZE, AT(max_rate), "SIZE",
	  "encrypt and wipe at most so much a second (run, resume); 0: as fast as it goes" },
	{ "json", NULL, OPTION_FLAG, AT(json), NULL, "print JSON (plan, status)" },
	{ "watch", NULL, OPTION_FLAG, AT(watch), NULL,
	  "status: go on looking until nothing is left to do" },
	{ "yes", "PANOCRYPT_YES", OPTION_FLAG, AT(yes), NULL, "ask nothing" },
	{ "final-reboot", "PANOCRYPT_FINAL_REBOOT", OPTION_FLAG, AT(final_reboot), NULL,
	  "reboot once more at the end, to see the machine start without us" },
	{ "no-reboot", "PANOCRYPT_NO_REBOOT", OPTION_FLAG, AT(no_reboot), NULL,
	  "stop where a reboot is needed, and say so" },
	{ "force-platform", "PANOCRYPT_FORCE_PLATFORM", OPTION_FLAG, AT(force_platform), NULL,
	  "go on where the only objection is that nobody tested it" },
	{ "help", NULL, OPTION_FLAG, AT(help), NULL, "this text" },
	{ "h", NULL, OPTION_FLAG, AT(help), NULL, NULL },
	{ "state-dir", "PANOCRYPT_STATE_DIR", OPTION_TEXT, AT(state_dir), "FOLDER", NULL },
};

const struct option_row *const config_rows = rows;
const size_t config_row_count = ARRAY_SIZE(rows) - HIDDEN_ROWS;

static int check_server(const struct config *config)
{
	const char *host = config->server ? config->server + strlen("https://") : NULL;

	if (!config->server)
		return 0;
	if (strncmp(config->server, "https://", strlen("https://")) != 0 || !*host || *host == '/')
		return fail(-EINVAL, "option --server: %.80s is not an https:// address",
			    config->server);
	if (strlen(config->server) > SERVER_CHARS_MAX || strpbrk(host, " \t\r\n\"\\?#@"))
		return fail(-EINVAL, "option --server: it must be https://name or "
				     "https://name:port, without a user, query or spaces");
	return 0;
}

static int check_key(const struct config *config)
{
	struct enrollment_key key = { "" };
	int r = 0;

	if (config->enrollment_key)
		r = enrollment_key_parse(config->enrollment_key, &key);
	secret_wipe(&key, sizeof(key));
	return r < 0 ? fail_at(r, "option --enrollment-key") : 0;
}

static int check_path(const char *flag, const char *path, size_t chars_max)
{
	if (path && (*path != '/' || strlen(path) > chars_max))
		return fail(-EINVAL, "option --%s: give a full path, beginning with /", flag);
	return 0;
}

static int check_sizes(const struct config *config)
{
	if (config->boot_bytes < BOOT_BYTES_LEAST || config->boot_bytes % MIB)
		return fail(-EINVAL, "option --boot-size: it must be whole mebibytes, at least "
				     "256M");
	if (config->max_rate && config->max_rate < RATE_LEAST_BYTES)
		return fail(-EINVAL, "option --max-rate: at least 256K a second, or 0 for no "
				     "limit");
	return 0;
}

static int check_leave_plain(const struct config *config)
{
	size_t i, chars = 0;

	for (i = 0; i < config->leave_plain.count; i++) {
		const char *item = config->leave_plain.items[i];

		chars += strlen(item) + 1;
		if (*item != '/' || strchr(item, ','))
			return fail(-EINVAL, "option --leave-plain: %.80s is not a mount point",
				    item);
	}
	if (chars > sizeof(((struct intent *)0)->leave_plain))
		return fail(-EINVAL, "option --leave-plain: too many mount points");
	return 0;
}

static int check_tail(const struct config *config)
{
	if (!free_space_find(config->free_space))
		return fail(-EINVAL, "option --free-space: it must be zero, random, discard or "
				     "keep");
	if (strcmp(config->coverage, "used") != 0 && strcmp(config->coverage, "full") != 0)
		return fail(-EINVAL, "option --coverage: it must be used or full");
	return 0;
}

static int check_cipher(const struct config *config)
{
	if (strcmp(config->cipher, CIPHER_AUTO) == 0 || cipher_find(config->cipher))
		return 0;
	return fail(-EINVAL, "option --cipher: it must be " CIPHER_AUTO ", %s or %s",
		    cipher_default()->text, cipher_fallback()->text);
}

int config_parse(struct config *ret, int argc, char **argv)
{
	struct config config = {
		.recovery_output = RECOVERY_OUTPUT_DEFAULT,
		.state_dir = STATE_DIR,
		.boot_bytes = BOOT_BYTES_DEFAULT,
		.max_rate = CONFIG_NO_RATE,
		.free_space = "zero",
		.coverage = "used",
		.cipher = CIPHER_AUTO,
	};
	int r, first = argc;

	r = options_parse(rows, ARRAY_SIZE(rows), &config, argc, argv, &first);
	if (r == 0 && first < argc)
		r = fail(-EINVAL, "%.40s: no word is expected here; see --help", argv[first]);
	if (r == 0)
		r = check_server(&config);
	if (r == 0)
		r = check_key(&config);
	if (r == 0)
		r = check_path("recovery-output", config.recovery_output, 255);
	if (r == 0)
		r = check_path("state-dir", config.state_dir, 200);
	if (r == 0)
		r = check_sizes(&config);
	if (r == 0)
		r = check_leave_plain(&config);
	if (r == 0)
		r = check_tail(&config);
	if (r == 0)
		r = check_cipher(&config);
	if (r < 0)
		return r;
	*ret = config;
	return 0;
}
