/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts the program and its unit on the machine and takes them away again. Calls systemctl; knows no
 * phase.
 */
#include "bootstrap/install.h"

#include "bootstrap/intent.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <string.h>

#define SELF "/proc/self/exe"
#define PROGRAM_BYTES_MAX (64 * MIB)

/*
 * Not a oneshot: encryption may take hours, and a oneshot would keep the machine "starting" all
 * that time. No restart: a step that failed is repeated at the next boot, or by hand with `run`.
 * KeyringMode=shared: the boot step leaves the volume key in root's user keyring.
 */
static const char unit_text[] =
	"# Goes on with the conversion of this machine after a reboot; removes itself at its end.\n"
	"[Unit]\n"
	"Description=Panocrypt: conversion of this machine to an encrypted disk\n"
	"Wants=network-online.target\n"
	"After=network-online.target\n"
	"ConditionPathExists=" INSTALL_PROGRAM "\n"
	"\n"
	"[Service]\n"
	"Type=exec\n"
	"ExecStart=" INSTALL_PROGRAM " continue\n"
	"StandardOutput=journal+console\n"
	"StandardError=inherit\n"
	"KeyringMode=shared\n"
	"OOMScoreAdjust=-1000\n"
	"TimeoutStopSec=90\n"
	"Restart=no\n"
	"\n"
	"[Install]\n"
	"WantedBy=multi-user.target\n";

static int is_same_file(const char *a, const char *b, bool *ret)
{
	CLEANUP_FREE char *text_a = NULL, *text_b = NULL;
	size_t len_a = 0, len_b = 0;
	int r;

	r = file_read(a, PROGRAM_BYTES_MAX, &text_a, &len_a);
	if (r < 0)
		return r;
	r = file_read(b, PROGRAM_BYTES_MAX, &text_b, &len_b);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r == 0 && len_a == len_b && memcmp(text_a, text_b, len_a) == 0;
	return 0;
}

static int install_program(void)
{
	bool is_same = false;
	int r;

	r = is_same_file(SELF, INSTALL_PROGRAM, &is_same);
	if (r < 0 || is_same)
		return r;
	r = file_mkdirs(INSTALL_DIR, 0755);
	if (r < 0)
		return r;
	return file_copy(SELF, INSTALL_PROGRAM);
}

static int systemctl(const char *verb, const char *unit)
{
	const struct spawn spawn = { .argv = { "systemctl", "--quiet", verb, unit },
				     .timeout_s = 300 };

	return spawn_run(&spawn);
}

int install_self(void)
{
	int r;

	r = install_program();
	if (r < 0)
		return fail_at(r, "installing " INSTALL_PROGRAM);
	r = file_replace_text(INSTALL_UNIT_PATH, unit_text, 0644);
	if (r == 0)
		r = systemctl("daemon-reload", NULL);
	if (r == 0)
		r = systemctl("enable", INSTALL_UNIT);
	return r < 0 ? fail_at(r, "installing " INSTALL_UNIT) : 0;
}

int install_remove(void)
{
	int r = 0;

	if (file_exists(INSTALL_UNIT_PATH)) {
		r = systemctl("disable", INSTALL_UNIT);
		if (r == 0)
			r = file_remove(INSTALL_UNIT_PATH);
		if (r == 0)
			r = systemctl("daemon-reload", NULL);
	}
	if (r == 0)
		r = file_remove(INSTALL_PROGRAM);
	if (r < 0)
		return fail_at(r, "removing what goes on after a reboot");
	if (rmdir(INSTALL_DIR) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return fail(-errno, "removing " INSTALL_DIR ": %s", strerror(errno));
	return 0;
}
