/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the operator's commands share: choosing the verb, its options, the folder, giving up root.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/secret.h"
#include "server/process.h"
#include "server/verbs.h"

static int print_usage(const char *noun, const struct verb *verb)
{
	CLEANUP_FREE char *text = NULL;
	int r = options_usage(verb->rows, verb->rows_count, &text);

	if (r < 0)
		return r;
	printf("usage: panocryptd %s%s%s%s%s [options]\n\nTo %s.\n\n%s", noun,
	       verb->name ? " " : "", verb->name ? verb->name : "", verb->argument ? " " : "",
	       verb->argument ? verb->argument : "", verb->help, text);
	return EXIT_DONE;
}

/* The folder belongs to the server's user: what root writes there, the server couldn't read. */
static int enter(const struct verb_options *options, struct server_config *ret)
{
	int r = config_load(options->dir ? options->dir : "/var/lib/panocrypt", ret);

	if (r == 0)
		r = process_drop_user(ret->user);
	return r < 0 ? r : secret_guard_process();
}

static int run(const char *noun, const struct verb *verb, int argc, char **argv)
{
	CLEANUP_FREE struct verb_options *options = calloc(1, verb->options_bytes);
	struct server_config config = { .fronts = 1 };
	int first, r;

	if (!options)
		return fail(-ENOMEM, "out of memory");
	r = options_parse(verb->rows, verb->rows_count, options, argc, argv, &first);
	if (r == 0 && options->help)
		return print_usage(noun, verb);
	if (r == 0 && argc - first != (verb->argument ? 1 : 0))
		r = verb->argument ? fail(-EINVAL, "%s must be named, once", verb->argument)
				   : fail(-EINVAL, "\"%.40s\" isn't expected", argv[first]);
	if (r < 0) {
		log_failure(r);
		return EXIT_USAGE;
	}
	if (verb->before)
		r = verb->before(options, verb->argument ? argv[first] : NULL);
	if (r == 0 && !verb->has_no_folder)
		r = enter(options, &config);
	return r < 0 ? r : verb->run(options, &config, verb->argument ? argv[first] : NULL);
}

static int list(const char *noun, const struct verb *verbs, size_t count)
{
	printf("usage: panocryptd %s VERB [options]\n\n", noun);
	for (size_t i = 0; i < count; i++)
		printf("  %-12s %s\n", verbs[i].name, verbs[i].help);
	printf("\n\"panocryptd %s VERB --help\" lists the options of a verb. See panocryptd(8).\n",
	       noun);
	return EXIT_DONE;
}

static const struct verb *find(const struct verb *verbs, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (word && strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
	return NULL;
}

int verb_run(const char *noun, const struct verb *verbs, size_t count, int argc, char **argv)
{
	const struct verb *verb = verbs;
	int r;

	if (verbs->name) {
		if (argc > 1 && strcmp(argv[1], "--help") == 0)
			return list(noun, verbs, count);
		verb = find(verbs, count, argc > 1 ? argv[1] : NULL);
		if (!verb) {
			log_error("which verb? See \"panocryptd %s --help\"", noun);
			return EXIT_USAGE;
		}
		argc--;
		argv++;
	}
	r = run(noun, verb, argc, argv);
	if (r < 0)
		log_failure(r);
	return r < 0 ? EXIT_FAILED : r;
}

int verb_open_store(const struct server_config *config, struct store **ret)
{
	char writer[CONFIG_WRITER_SIZE];

	config_writer(config, "operator", writer);
	return store_open(config->store, writer, ret);
}

int verb_audited(struct store *store, const char *event, const char *detail)
{
	const struct store_audit_entry entry = { .event = event,
						 .actor = "operator",
						 .detail = detail };

	return store_audit_note(store, store_system, &entry);
}
