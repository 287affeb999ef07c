/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * native: the machine as any admin would have set it up: crypttab, fstab, command line, the
 * distribution's initramfs without our step. The image that booted until now stays as the menu
 * entry "fallback". update-grub comes last.
 */
#include "bootstrap/etc_files.h"
#include "bootstrap/grub.h"
#include "bootstrap/initrd.h"
#include "bootstrap/mount.h"
#include "bootstrap/our_files.h"
#include "bootstrap/phases/initramfs.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/utsname.h>

#define PLAIN_ROOT RUN_DIR "/root"

static const char *const wanted[] = {
	"scripts/local-top/panocrypt-network",
	"scripts/local-bottom/panocrypt-network",
	".curlrc",
	"etc/panocrypt/made",
	"scripts/local-top/clevis",
	"scripts/local-top/cryptroot",
	"etc/ssl/certs/ca-certificates.crt",
	"cryptroot/crypttab",
	"usr/bin/clevis-decrypt-tang",
	"usr/bin/curl",
	NULL,
};
static const char *const unwanted[] = {
	"usr/lib/panocrypt/panocrypt-bootstrap",
	"etc/panocrypt/boot.json",
	"etc/panocrypt/redo.key",
	"etc/panocrypt/table.json",
	"scripts/local-top/panocrypt-boot-step",
	NULL,
};

static int native_done(struct job *job)
{
	bool is_marked = true;
	char mark[64];

	if (job->facts->root_kind != ROOT_LUKS || file_exists(OUR_BOOT_HOOK))
		return 0;
	snprintf(mark, sizeof(mark), "panocrypt.boot=%s", job->intent.boot_uuid);
	if (grub_cfg_has(mark, &is_marked) < 0)
		return 0;
	return !is_marked && file_exists(OUR_FALLBACK_SCRIPT);
}

/* The kernel arguments of this boot without what the boot loader puts first, and without our mark.
 */
static int boot_arguments(char **ret)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_EMPTY;
	CLEANUP_FREE char *line = NULL;
	char *rest = NULL;
	int r;

	r = file_read("/proc/cmdline", 4 * KIB, &line, NULL);
	if (r < 0)
		return r;
	for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		if (strncmp(word, "BOOT_IMAGE=", 11) == 0 || strncmp(word, "panocrypt.", 10) == 0)
			continue;
		strbuf_addf(&out, "%s%s", out.len ? " " : "", word);
	}
	return strbuf_take(&out, ret);
}

static int keep_fallback(const struct intent *intent)
{
	CLEANUP_FREE char *image = NULL, *kept = NULL, *arguments = NULL, *script = NULL;
	struct utsname kernel;
	int r;

	uname(&kernel);
	r = text_format(&image, "/boot/initrd.img-%s", kernel.release);
	if (r < 0)
		return r;
	r = text_format(&kept, "%s.panocrypt", image);
	if (r < 0)
		return r;
	/* Once the script is there, the copy is complete, and the image may already be the native
	 * one. */
	if (file_exists(OUR_FALLBACK_SCRIPT))
		return 0;
	r = file_copy(image, kept);
	if (r < 0)
		return r;
	r = boot_arguments(&arguments);
	if (r < 0)
		return r;
	r = text_format(&script,
			"#!/bin/sh\ncat <<'EOF'\n"
			"menuentry 'fallback: the image from before the native boot' --id "
			"panocrypt-fallback {\n"
			"\tsearch --no-floppy --fs-uuid --set=root %s\n"
			"\tlinux /vmlinuz-%s %s\n"
			"\tinitrd /initrd.img-%s.panocrypt\n"
			"}\nEOF\n",
			intent->boot_uuid, kernel.release, arguments, kernel.release);
	if (r < 0)
		return r;
	return file_replace_text(OUR_FALLBACK_SCRIPT, script, 0755);
}

/* What is left of /boot inside root, hidden under the new one since `bootpart`. */
static int drop_old_boot(const struct intent *intent)
{
	struct spawn drop = { .argv = { "find", PLAIN_ROOT "/boot", "-xdev", "-mindepth", "1",
					"-delete" } };
	int r;

	if (!intent->boot_bytes)
		return 0;
	r = mount_device("/", PLAIN_ROOT, NULL, MS_BIND, NULL);
	if (r < 0)
		return r;
	r = spawn_run(&drop);
	if (mount_remove(PLAIN_ROOT) < 0 && r == 0)
		r = -EBUSY;
	return r;
}

static int native_run(struct job *job)
{
	int r;

	r = keep_fallback(&job->intent);
	if (r < 0)
		return r;
	r = our_files_remove(OUR_FILE_CONVERSION);
	if (r < 0)
		return r;
	r = crypttab_write(&job->intent, "luks,initramfs");
	if (r < 0)
		return r;
	r = initrd_rebuild_all(job->facts, wanted, unwanted);
	if (r < 0)
		return r;
	r = drop_old_boot(&job->intent);
	if (r < 0)
		return r;
	r = grub_write_defaults(GRUB_NATIVE, &job->intent);
	if (r < 0)
		return r;
	r = grub_update(&job->intent);
	if (r < 0)
		return r;
	return mount_settle("/boot");
}

const struct phase phase_native = {
	.name = "native",
	.place = PHASE_RUNNING,
	.done = native_done,
	.run = native_run,
	.power_cut = "boots through our step or natively, both open the disk: run again",
};
