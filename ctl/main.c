/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl: the verb table, usage, exit statuses. Holds no verb's code.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "ctl/ctl.h"

static const struct ctl_verb *const verbs[] = {
	&verb_whoami,
	&verb_key_create,
	&verb_key_list,
	&verb_key_revoke,
	&verb_key_compromise,
	&verb_device_list,
	&verb_device_show,
	&verb_device_add,
	&verb_device_set,
	&verb_device_disable,
	&verb_device_enable,
	&verb_device_release,
	&verb_device_revoke,
	&verb_device_destroy,
	&verb_device_rotate,
	&verb_device_drop,
	&verb_device_allow_once,
	&verb_waiver_list,
	&verb_waiver_cancel,
	&verb_network_create,
	&verb_network_list,
	&verb_network_show,
	&verb_network_set,
	&verb_network_delete,
	&verb_approval_list,
	&verb_approval_show,
	&verb_approval_approve,
	&verb_approval_deny,
	&verb_approval_defer,
	&verb_group_create,
	&verb_group_list,
	&verb_group_set,
	&verb_group_delete,
	&verb_device_expect,
	&verb_proposal_list,
	&verb_proposal_show,
	&verb_proposal_approve,
	&verb_proposal_deny,
	&verb_policy_explain,
	&verb_denials,
	&verb_audit_list,
	&verb_status,
	&verb_authorizer_set,
	&verb_authorizer_show,
	&verb_authorizer_test,
	&verb_authorizer_remove,
};

static int help(void)
{
	printf("usage: panocryptctl VERB [options]\n\n"
	       "Manages an unlock server through its API.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s%s%s%s", verbs[i]->noun ? verbs[i]->noun : "",
			 verbs[i]->noun ? " " : "", verbs[i]->name, verbs[i]->argument ? " " : "",
			 verbs[i]->argument ? verbs[i]->argument : "");
		printf("  %-26s %s\n", name, verbs[i]->help);
	}
	printf("\nWhere the server is: --admin-url, --token-file and --ca, or "
	       "PANOCRYPT_ADMIN_URL,\n"
	       "PANOCRYPT_TOKEN_FILE and PANOCRYPT_CA. \"panocryptctl VERB --help\" lists the\n"
	       "options of a verb. See panocryptctl(1).\n");
	return CTL_DONE;
}

static int version(void)
{
	printf("panocryptctl %s\n", PANOCRYPT_VERSION);
	return CTL_DONE;
}

static int usage(const struct ctl_verb *verb)
{
	CLEANUP_FREE char *text = NULL;
	int r = options_usage(verb->rows, verb->rows_count, &text);

	if (r < 0) {
		log_failure(r);
		return CTL_FAILED;
	}
	printf("usage: panocryptctl %s%s%s%s%s [options]\n\nTo %s.\n\n%s",
	       verb->noun ? verb->noun : "", verb->noun ? " " : "", verb->name,
	       verb->argument ? " " : "", verb->argument ? verb->argument : "", verb->help, text);
	return CTL_DONE;
}

static int status_of(int r)
{
	switch (r) {
	case 0: return CTL_DONE;
	case -EINVAL: return CTL_USAGE;
	case -EACCES:
	case -EPROTO: return CTL_REFUSED;
	case -EAGAIN: return CTL_LATER;
	case -EINPROGRESS: return CTL_WAITS;
	default: return CTL_FAILED;
	}
}

static int run(const struct ctl_verb *verb, int argc, char **argv)
{
	CLEANUP_FREE void *options = calloc(1, verb->options_bytes);
	int first, r;

	if (!options)
		return CTL_FAILED;
	r = options_parse(verb->rows, verb->rows_count, options, argc, argv, &first);
	if (!r && ((const struct ctl *)options)->help)
		return usage(verb);
	if (!r && (size_t)(argc - first) != verb->arguments)
		r = verb->argument ? fail(-EINVAL, "%s must be named, once", verb->argument)
				   : fail(-EINVAL, "\"%.40s\" isn't expected", argv[first]);
	if (!r)
		r = verb->run(options, argv + first);
	if (r < 0)
		log_failure(r);
	return status_of(r);
}

/* Does this verb stand at argv[1] and further? Returns how many words it takes. */
static int matches(const struct ctl_verb *verb, int argc, char **argv)
{
	if (!verb->noun)
		return strcmp(argv[1], verb->name) == 0 ? 1 : 0;
	return argc > 2 && strcmp(argv[1], verb->noun) == 0 && strcmp(argv[2], verb->name) == 0 ? 2
												: 0;
}

int main(int argc, char **argv)
{
	log_open("panocryptctl", false, LOG_LEVEL_INFO);
	if (argc < 2) {
		log_error("a verb is missing: see \"panocryptctl help\"");
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return help();
	if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0)
		return version();
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		int words = matches(verbs[i], argc, argv);

		if (words > 0)
			return run(verbs[i], argc - words, argv + words);
	}
	log_error("no verb \"%.40s%s%.40s\": see \"panocryptctl help\"", argv[1],
		  argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	return CTL_USAGE;
}
