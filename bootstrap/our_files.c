/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of our files. Content NULL: written by the code that knows it (grub.c, native.c,
 * enroll.c), listed here so that it is removed.
 */
#include "bootstrap/our_files.h"

#include "bootstrap/embedded.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <errno.h>
#include <string.h>

static const char growth_text[] =
	"# The disk is being encrypted: nothing may grow until it is done.\n"
	"growpart: {mode: \"off\"}\n"
	"resize_rootfs: false\n";
static const struct embedded growth = { growth_text, growth_text + sizeof(growth_text) - 1 };

/* The image holds the key of redo logs: with it a user could have any sector written at boot. */
static const char mask_text[] = "UMASK=0077\n";
static const struct embedded mask = { mask_text, mask_text + sizeof(mask_text) - 1 };

static const struct our_file {
	const char *path;
	const struct embedded *content;
	mode_t mode;
	enum our_file_life life;
	const char *only_with; /* the folder that must exist already; NULL: made */
} our_files[] = {
	{ "/etc/initramfs-tools/hooks/panocrypt-network", &embedded_network_hook, 0755,
	  OUR_FILE_STAYS, NULL },
	{ "/etc/initramfs-tools/scripts/local-top/panocrypt-network", &embedded_network_script,
	  0755, OUR_FILE_STAYS, NULL },
	{ "/etc/initramfs-tools/scripts/local-bottom/panocrypt-network",
	  &embedded_network_end_script, 0755, OUR_FILE_STAYS, NULL },
	{ OUR_CURLRC_FILE, &embedded_network_curlrc, 0644, OUR_FILE_STAYS, NULL },
	{ OUR_CA_FILE, NULL, 0644, OUR_FILE_STAYS, NULL },
	{ OUR_GRUB_DEFAULTS, NULL, 0644, OUR_FILE_STAYS, NULL },
	{ OUR_BOOT_HOOK, &embedded_boot_hook, 0755, OUR_FILE_CONVERSION, NULL },
	{ "/etc/initramfs-tools/scripts/local-top/panocrypt-boot-step", &embedded_boot_script, 0755,
	  OUR_FILE_CONVERSION, NULL },
	{ OUR_IMAGE_MASK, &mask, 0644, OUR_FILE_CONVERSION, "/etc/initramfs-tools/conf.d" },
	{ OUR_CLOUD_GROWTH, &growth, 0644, OUR_FILE_GROWTH, "/etc/cloud/cloud.cfg.d" },
	{ OUR_FALLBACK_SCRIPT, NULL, 0755, OUR_FILE_FALLBACK, NULL },
};

static int install(const struct our_file *file)
{
	CLEANUP_FREE char *folder = strdup(file->path);
	int r;

	if (!folder)
		return -ENOMEM;
	if (file->only_with && !file_exists(file->only_with))
		return 0;
	*strrchr(folder, '/') = '\0';
	r = file_mkdirs(folder, 0755);
	if (r < 0)
		return r;
	return file_replace(file->path, file->content->data,
			    (size_t)(file->content->end - file->content->data), file->mode);
}

int our_files_install(enum our_file_life life)
{
	for (size_t i = 0; i < ARRAY_SIZE(our_files); i++) {
		if (our_files[i].life != life || !our_files[i].content)
			continue;
		int r = install(&our_files[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

int our_files_remove(enum our_file_life life)
{
	for (size_t i = 0; i < ARRAY_SIZE(our_files); i++) {
		if (our_files[i].life != life)
			continue;
		int r = file_remove(our_files[i].path);

		if (r < 0)
			return r;
	}
	return 0;
}
