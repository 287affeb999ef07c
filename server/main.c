/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptd: verbs and options. "serve" opens the listeners, gives up root, brings the leaf
 * certificate up to date and becomes the monitor; the children's code is named here only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/options.h"
#include "server/admin/admin.h"
#include "server/ca.h"
#include "server/cidr.h"
#include "server/compat/compat.h"
#include "server/core/core.h"
#include "server/courier/courier.h"
#include "server/front/front.h"
#include "server/init.h"
#include "server/init_options.h"
#include "server/monitor/listen.h"
#include "server/monitor/monitor.h"
#include "server/process.h"
#include "server/verbs.h"

struct serve_options {
	const char *dir, *listen, *admin_listen, *ready_file, *user, *assets;
	struct option_list proxies, targets;
	bool help;
};

static const struct option_row serve_rows[] = {
	{ "dir", "PANOCRYPTD_DIR", OPTION_TEXT, offsetof(struct serve_options, dir), "DIR",
	  "the server's folder, made by \"panocryptd init\" (default: /var/lib/panocrypt)" },
	{ "listen", "PANOCRYPTD_LISTEN", OPTION_TEXT, offsetof(struct serve_options, listen),
	  "ADDR:PORT", "listen here for unlocks instead of where the configuration says" },
	{ "admin-listen", "PANOCRYPTD_ADMIN_LISTEN", OPTION_TEXT,
	  offsetof(struct serve_options, admin_listen), "ADDR:PORT",
	  "the same for the API and the installer" },
	{ "user", "PANOCRYPTD_USER", OPTION_TEXT, offsetof(struct serve_options, user), "USER",
	  "give up root for this user, who owns the folder" },
	{ "assets", "PANOCRYPTD_ASSETS", OPTION_TEXT, offsetof(struct serve_options, assets), "DIR",
	  "hand out install.sh and bootstrap-<arch> from here" },
	{ "proxy-from", "PANOCRYPTD_PROXY_FROM", OPTION_LIST,
	  offsetof(struct serve_options, proxies), "CIDR",
	  "take the source address from the PROXY header of these peers; may be repeated" },
	{ "courier-to", "PANOCRYPTD_COURIER_TO", OPTION_LIST,
	  offsetof(struct serve_options, targets), "CIDR",
	  "an external authorizer may have one of these private addresses; may be repeated" },
	{ "ready-file", NULL, OPTION_TEXT, offsetof(struct serve_options, ready_file), "FILE",
	  "gets the process id once all processes are ready, is empty until then; removed at "
	  "the end" },
	{ "help", NULL, OPTION_FLAG, offsetof(struct serve_options, help), NULL,
	  "print this and exit" },
};

/* --- the children ---------------------------------------------------------------------------- */

static int run_core(const struct monitor_child_setup *setup)
{
	const struct core_setup core = {
		.monitor_fd = setup->monitor_fd,
		.front_fds = setup->front_fds,
		.front_count = setup->front_count,
		.admin_fd = setup->admin_fd,
		.courier_fd = setup->courier_fd,
		.config = setup->config,
	};

	return core_main(&core);
}

static int run_front(const struct monitor_child_setup *setup)
{
	const struct front_setup front = { setup->monitor_fd, setup->core_fd, setup->config };

	return front_main(&front);
}

static int run_admin(const struct monitor_child_setup *setup)
{
	const struct admin_setup admin = { setup->monitor_fd, setup->core_fd, setup->config };

	return admin_main(&admin);
}

/* Written before the children are started, and never again. */
static struct cidr_list courier_targets;

static int run_courier(const struct monitor_child_setup *setup)
{
	const struct courier_setup courier = { setup->monitor_fd, setup->core_fd,
					       &courier_targets };

	return courier_main(&courier);
}

/* --- serve ----------------------------------------------------------------------------------- */

static int print_usage(const char *verb, const char *what, const struct option_row *rows,
		       size_t count)
{
	CLEANUP_FREE char *text = NULL;
	int r = options_usage(rows, count, &text);

	if (r < 0)
		return r;
	printf("usage: panocryptd %s [options]\n\n%s\n\n%s", verb, what, text);
	return 0;
}

static int set_text(const char *from, char *ret, size_t size, const char *flag)
{
	if (!from)
		return 0;
	if (strlen(from) >= size)
		return fail(-EINVAL, "--%s is too long", flag);
	strcpy(ret, from);
	return 0;
}

static int configure(const struct serve_options *options, struct server_config *ret)
{
	int r;

	r = config_load(options->dir, ret);
	if (!r && options->listen)
		r = config_parse_listen(options->listen, &ret->listen);
	if (!r && options->admin_listen)
		r = config_parse_listen(options->admin_listen, &ret->admin_listen);
	if (!r)
		r = set_text(options->user, ret->user, sizeof(ret->user), "user");
	if (!r)
		r = set_text(options->assets, ret->assets, sizeof(ret->assets), "assets");
	return r;
}

static int read_ranges(const struct option_list *list, const char *flag, struct cidr_list *ret)
{
	ret->count = 0;
	for (size_t i = 0; i < list->count; i++) {
		int r = cidr_parse(list->items[i], &ret->items[ret->count]);

		if (r < 0)
			return fail_at(r, "--%s", flag);
		ret->count++;
	}
	return 0;
}

/* Made before root is given up: the folder may be root's. Empty until all are ready. */
static int open_ready_file(const char *path, int *ret)
{
	if (!path)
		return 0;
	*ret = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	return *ret < 0 ? fail(-errno, "can't write %s: %m", path) : 0;
}

static void forget_ready_file(const char *path, int fd)
{
	if (fd < 0)
		return;
	if (unlink(path) && ftruncate(fd, 0))
		log_warning("can't empty %s", path);
}

/* Thousands of connections need as many descriptors. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int serve(const struct serve_options *options)
{
	struct server_config config;
	struct cidr_list proxies;
	CLEANUP_CLOSE int unlock_listener = -1;
	CLEANUP_CLOSE int admin_listener = -1;
	CLEANUP_CLOSE int ready_fd = -1;
	struct monitor_setup setup = {
		.config = &config,
		.proxies = &proxies,
		.renew_leaf = ca_renew_leaf,
		.run_core = run_core,
		.run_front = run_front,
		.run_admin = run_admin,
		.run_courier = run_courier,
	};
	int r;

	r = configure(options, &config);
	if (!r)
		r = read_ranges(&options->proxies, "proxy-from", &proxies);
	if (!r)
		r = read_ranges(&options->targets, "courier-to", &courier_targets);
	if (!r)
		r = listen_open(&config.listen, &unlock_listener);
	if (!r)
		r = listen_open(&config.admin_listen, &admin_listener);
	if (!r)
		r = open_ready_file(options->ready_file, &ready_fd);
	if (!r)
		r = process_drop_user(config.user);
	if (!r)
		r = process_harden(PROCESS_MONITOR);
	if (!r)
		r = ca_renew_leaf(&config, NULL);
	if (r < 0)
		return r;
	raise_limits();
	setup.unlock_listener = unlock_listener;
	setup.admin_listener = admin_listener;
	setup.ready_fd = ready_fd;
	r = monitor_main(&setup);
	forget_ready_file(options->ready_file, ready_fd);
	return r;
}

static int serve_main(int argc, char **argv)
{
	struct serve_options options = { .dir = "/var/lib/panocrypt" };
	int first, r;

	r = options_parse(serve_rows, ARRAY_SIZE(serve_rows), &options, argc, argv, &first);
	if (!r && first < argc)
		r = fail(-EINVAL, "\"%s\" isn't expected", argv[first]);
	if (r < 0) {
		log_failure(r);
		return EXIT_USAGE;
	}
	if (options.help) {
		r = print_usage("serve",
				"Serves unlocks and the API in the foreground until SIGTERM.",
				serve_rows, ARRAY_SIZE(serve_rows));
		return r < 0 ? EXIT_FAILED : EXIT_DONE;
	}
	r = serve(&options);
	if (r < 0)
		log_failure(r);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* --- init ------------------------------------------------------------------------------------ */

static int help_init(void)
{
	CLEANUP_FREE char *text = NULL;
	int r = init_options_usage(&text);

	if (r < 0) {
		log_failure(r);
		return EXIT_FAILED;
	}
	fputs(text, stdout);
	return EXIT_DONE;
}

static int init_verb(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return help_init();
	}
	return init_main(argc, argv);
}

/* --- verbs ----------------------------------------------------------------------------------- */

static int help_main(int argc, char **argv);

static int version_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("panocryptd %s\n", PANOCRYPT_VERSION);
	return EXIT_DONE;
}

static const struct top_verb {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help; /* NULL: another spelling */
} verbs[] = {
	{ "init", init_verb, "make the server's folder: keys, certificate authority, first owner" },
	{ "serve", serve_main, "serve unlocks and the API" },
	{ "audit", verb_audit, "verify, export, checkpoint, prune: the record of what happened" },
	{ "kek", verb_kek, "rotate, copy, verify-copy, restore-copy: what wraps exchange keys" },
	{ "backup", verb_backup, "copy the store and the server's files into one file" },
	{ "restore", verb_restore, "make a server's folder of a backup" },
	{ "quarantine", verb_quarantine,
	  "begin, end: unlock nothing while the store may be too old" },
	{ "rebind", verb_rebind, "move the server to another name; the old ones stay good" },
	{ "compat", compat_main, "answer as tangd from a folder of its keys, on loopback" },
	{ "help", help_main, "print this" },
	{ "--help", help_main, NULL },
	{ "version", version_main, "print the version" },
	{ "--version", version_main, NULL },
};

static int help_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("usage: panocryptd VERB [options]\n\n"
	       "The unlock server: decides whether a machine may unlock its disk, and audits "
	       "it.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (verbs[i].help)
			printf("  %-10s %s\n", verbs[i].name, verbs[i].help);
	}
	printf("\n\"panocryptd VERB --help\" lists the options of a verb. See panocryptd(8).\n");
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	log_open("panocryptd", false, LOG_LEVEL_INFO);
	if (argc < 2) {
		log_error("a verb is missing: see \"panocryptd help\"");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].main(argc - 1, argv + 1);
	}
	log_error("no verb \"%.40s\": see \"panocryptd help\"", argv[1]);
	return EXIT_USAGE;
}
