/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocrypt-bootstrap: encrypts the root filesystem of a running machine in place and binds it to
 * an unlock server. This file maps the first word to a verb and a verb's result to an exit status;
 * it decides nothing else.
 */
#include "bootstrap/selftest.h"
#include "bootstrap/verbs.h"
#include "bootstrap/worker.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/secret.h"

#include <string.h>
#include <sys/stat.h>

static const struct verb {
	const char *name;
	int (*run)(const struct config *config);
	bool is_boot_step; /* lines go to the kernel log too */
	const char *help;  /* NULL: not for people */
} verbs[] = {
	{ "plan", verb_plan, false, "say what would happen, and every reason against it" },
	{ "run", verb_run, false, "convert this machine, or go on with it" },
	{ "status", verb_status, false, "say where the conversion stands" },
	{ "pause", verb_pause, false, "stand still between two chunks, until resume" },
	{ "resume", verb_resume, false,
	  "go on; at another rate (--max-rate), without the server (--recovery-passphrase-file)" },
	{ "undo", verb_undo, false, "put everything back; possible until encryption begins" },
	{ "continue", verb_continue, false, NULL },
	{ "boot", verb_boot, true, NULL },
};

static int print_help(void)
{
	CLEANUP_FREE char *options = NULL;
	size_t i;
	int r;

	r = options_usage(config_rows, config_row_count, &options);
	if (r < 0)
		return r;
	printf("panocrypt-bootstrap: encrypts this machine's disk in place and binds it to an\n"
	       "unlock server. Nothing of it stays when it is done.\n\n"
	       "Usage: panocrypt-bootstrap VERB [OPTION]...\n\nVerbs:\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (verbs[i].help)
			printf("  %-25s %s\n", verbs[i].name, verbs[i].help);
	}
	printf("  %-25s %s\n  %-25s %s\n", "--self-test",
	       "use each built-in library once, for real", "--version", "print the version");
	printf("\nOptions (environment first, flags over it):\n%s", options);
	printf("\nExit status: 0 done, 1 failed, 2 wrong usage, 3 refused (see plan).\n"
	       "Begin with: panocrypt-bootstrap plan\n");
	return 0;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct config config;
	int r;

	umask(022); /* children too: what packages make must be readable */
	log_open("panocrypt", verb->is_boot_step, LOG_LEVEL_INFO);
	r = config_parse(&config, argc, argv);
	if (r < 0) {
		log_failure(r);
		return VERB_USAGE;
	}
	r = config.help ? print_help() : secret_guard_process();
	if (r == 0 && !config.help)
		r = verb->run(&config);
	if (r < 0) {
		log_failure(r);
		return VERB_FAILED;
	}
	return r;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "--help";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(word, verbs[i].name) == 0)
			return run_verb(&verbs[i], argc - 1, argv + 1);
	}
	if (strcmp(word, WORKER_WORD) == 0)
		return worker_main(argc, argv);
	if (strcmp(word, "--self-test") == 0)
		return selftest_run();
	if (strcmp(word, "--version") == 0)
		return printf("panocrypt-bootstrap %s\n", PANOCRYPT_VERSION) < 0;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return print_help() < 0 ? VERB_FAILED : argc > 1 ? VERB_DONE : VERB_USAGE;
	fprintf(stderr, "panocrypt: %.40s is not a verb: see panocrypt-bootstrap --help\n", word);
	return VERB_USAGE;
}
