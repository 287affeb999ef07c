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

/* Only names: apt-get would read "-x" and "x/y" as something else. */
static bool is_package_name(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.:-") == strlen(text) &&
	       *text != '-';
}

/* Runs it with names of the list, a line each, as often as it takes. */
static int apt_each(const struct spawn *apt, char *names)
{
	int r = 0;

	while (r == 0 && names) {
		struct spawn spawn = *apt;
		bool is_any = false;
		size_t at = 0;
		char *name;

		while (spawn.argv[at])
			at++;
		while (at + 1 < SPAWN_ARGS_MAX && (name = strsep(&names, "\n"))) {
			if (is_package_name(name)) {
				spawn.argv[at++] = name;
				is_any = true;
			}
		}
		if (is_any)
			r = spawn_run(&spawn);
	}
	return r;
}

/* --- what a power cut inside of dpkg has left ------------------------------------------------- */

/* Until it is taken up, apt-get refuses everything. What dpkg can't configure without a package
 * that isn't there yet comes with the installation. */
static void configure_rest(void)
{
	const struct spawn configure = { .argv = { "dpkg", "--force-confold", "--configure", "-a" },
					 .extra_env = quiet_env,
					 .timeout_s = APT_TIMEOUT_S };

	if (spawn_run(&configure) < 0) {
		log_warning("%s", fail_text());
		fail_clear();
	}
}

static int add_broken(const char *line, void *userdata)
{
	static const char flag[] = "reinstreq ";
	struct strbuf *list = userdata;

	if (strncmp(line, flag, strlen(flag)) == 0)
		strbuf_addf(list, "%s\n", line + strlen(flag));
	return 0;
}

/* One was cut while it was unpacked: apt-get doesn't unpack it again by itself, and dpkg doesn't
 * even remove it. */
static void unpack_again(void)
{
	const struct spawn query = { .argv = { "dpkg-query", "-W", "-f",
					       "${db:Status-Eflag} ${Package}\n" },
				     .timeout_s = 60,
				     .is_quiet = true };
	const struct spawn install = { .argv = { APT, "install", "--reinstall" },
				       .extra_env = quiet_env,
				       .timeout_s = APT_TIMEOUT_S };
	CLEANUP_STRBUF struct strbuf list = STRBUF_EMPTY;
	CLEANUP_FREE char *output = NULL, *names = NULL;
	int r = spawn_text(&query, &output);

	if (r == 0)
		r = file_each_line(output, add_broken, &list);
	if (r == 0)
		r = strbuf_take(&list, &names);
	if (r == 0)
		r = apt_each(&install, names);
	if (r < 0) {
		log_warning("%s", fail_text());
		fail_clear();
	}
}

/* --- run -------------------------------------------------------------------------------------- */

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

	configure_rest();
	r = spawn_run(&update);
	if (r < 0) /* one dead source of many is no reason to stop: the installation shows */
		log_warning("%s", fail_text());
	unpack_again();
	r = remember_added(job);
	if (r == 0)
		r = spawn_run(&install);
	if (r < 0)
		return fail_at(
			r, "installing cryptsetup and Clevis; mend the package manager (apt-get "
			   "-f install) and run again");
	return 0;
}

static int packages_undo(struct job *job)
{
	const struct spawn purge = { .argv = { APT, "purge" },
				     .extra_env = quiet_env,
				     .timeout_s = APT_TIMEOUT_S };
	CLEANUP_FREE char *path = NULL, *names = NULL;
	int r;

	r = text_format(&path, "%s/" ADDED_FILE, job->state_dir);
	if (r == 0)
		r = file_read(path, ADDED_BYTES_MAX, &names, NULL);
	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		configure_rest();
		unpack_again();
		r = apt_each(&purge, names);
	}
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
	.power_cut = "half-installed packages: run again, which begins with dpkg's own repair",
};
