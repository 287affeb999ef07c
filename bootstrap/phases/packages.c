/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packages: the distribution's own cryptsetup and Clevis, by its own package manager. Keeps a list
 * of what came with them, so that `undo` can remove exactly that.
 */
#include "bootstrap/phase.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <string.h>

#define ADDED_FILE "packages-added"
#define ADDED_BYTES_MAX (64 * KIB)
#define APT_TIMEOUT_S 1800
#define PACKAGES "cryptsetup", "cryptsetup-initramfs", "clevis", "clevis-luks", "clevis-initramfs"

static const char *const quiet_env[] = { "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1",
					 "APT_LISTCHANGES_FRONTEND=none", NULL };

/* Another holder of the lock is waited for; changed configuration files stay as they are. */
#define APT                                                                                        \
	"apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o",                              \
		"Dpkg::Options::=--force-confold", "--no-install-recommends"

static int packages_done(struct job *job UNUSED)
{
	static const char installed[] = "installed\n";
	static const char *const wanted[] = { PACKAGES };
	const struct spawn query = { .argv = { "dpkg-query", "-W", "-f", "${db:Status-Status}\n",
					       PACKAGES },
				     .timeout_s = 60,
				     .is_quiet = true };
	CLEANUP_FREE char *text = NULL;
	const char *at;
	size_t count = 0;

	if (spawn_text(&query, &text) < 0) { /* it exits with 1 for a package it has never seen */
		fail_clear();
		return 0;
	}
	for (at = text; strncmp(at, installed, strlen(installed)) == 0; at += strlen(installed))
		count++;
	return count == ARRAY_SIZE(wanted) && !*at;
}

/* "Inst NAME (…" is new; "Inst NAME [old version] (…" only an upgrade. */
static int add_new(const char *line, void *userdata)
{
	struct strbuf *list = userdata;
	size_t len;

	if (strncmp(line, "Inst ", 5) != 0)
		return 0;
	len = strcspn(line + 5, " ");
	if (strncmp(line + 5 + len, " (", 2) == 0) {
		strbuf_addn(list, line + 5, len);
		strbuf_add(list, "\n");
	}
	return 0;
}

/* Written before the first package comes; a second start adds to it. */
static int remember_added(const struct job *job)
{
	const struct spawn simulate = { .argv = { APT, "-s", "install", PACKAGES },
					.extra_env = quiet_env,
					.timeout_s = APT_TIMEOUT_S };
	CLEANUP_STRBUF struct strbuf list = STRBUF_EMPTY;
	CLEANUP_FREE char *path = NULL, *before = NULL, *output = NULL, *text = NULL;
	int r;

	r = text_format(&path, "%s/" ADDED_FILE, job->state_dir);
	if (r == 0)
		r = file_read(path, ADDED_BYTES_MAX, &before, NULL);
	if (r < 0 && r != -ENOENT)
		return r;
	r = spawn_text(&simulate, &output);
	if (r < 0)
		return r;
	strbuf_add(&list, before ? before : "");
	r = file_each_line(output, add_new, &list);
	if (r == 0)
		r = strbuf_take(&list, &text);
	return r < 0 ? r : file_replace_text(path, text, 0600);
}

static int packages_run(struct job *job)
{
	const struct spawn update = { .argv = { APT, "update" },
				      .extra_env = quiet_env,
				      .timeout_s = APT_TIMEOUT_S };
	const struct spawn install = { .argv = { APT, "install", PACKAGES },
				       .extra_env = quiet_env,
				       .timeout_s = APT_TIMEOUT_S };
	int r;

	r = spawn_run(&update);
	if (r < 0) /* one dead source of many is no reason to stop: the installation shows */
		log_warning("%s", fail_text());
	r = remember_added(job);
	if (r == 0)
		r = spawn_run(&install);
	if (r < 0)
		return fail_at(
			r, "installing cryptsetup and Clevis; mend the package manager (apt-get "
			   "-f install) and run again");
	return 0;
}

/* Only names: apt-get would read "-x" and "x/y" as something else. */
static bool is_package_name(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.:-") == strlen(text) &&
	       *text != '-';
}

/* Purges as many names as one command takes, and takes them from the text. */
static int purge_some(char **rest)
{
	struct spawn spawn = { .argv = { APT, "purge" },
			       .extra_env = quiet_env,
			       .timeout_s = APT_TIMEOUT_S };
	size_t at = 0;
	bool is_any = false;
	char *name;

	while (spawn.argv[at])
		at++;
	while (at + 1 < SPAWN_ARGS_MAX && (name = strsep(rest, "\n"))) {
		if (is_package_name(name)) {
			spawn.argv[at++] = name;
			is_any = true;
		}
	}
	return is_any ? spawn_run(&spawn) : 0;
}

static int packages_undo(struct job *job)
{
	CLEANUP_FREE char *path = NULL, *names = NULL;
	char *rest;
	int r;

	r = text_format(&path, "%s/" ADDED_FILE, job->state_dir);
	if (r == 0)
		r = file_read(path, ADDED_BYTES_MAX, &names, NULL);
	if (r == -ENOENT)
		return 0;
	for (rest = names; r == 0 && rest;)
		r = purge_some(&rest);
	if (r < 0)
		return fail_at(r, "removing the packages that came with us");
	return file_remove(path);
}

const struct phase phase_packages = {
	.name = "packages",
	.place = PHASE_RUNNING,
	.done = packages_done,
	.run = packages_run,
	.undo = packages_undo,
	.power_cut =
		"a half-installed package: dpkg's own repair (apt-get -f install), then run again",
};
