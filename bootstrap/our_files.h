/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every file that we put on the machine, in one table (docs/on-disk.md lists the same), and how it
 * comes and goes.
 */
#pragma once

#include "common/base.h"

#include <sys/types.h>

enum our_file_life {
	OUR_FILE_STAYS,	     /* part of the native end state: an admin could have written it */
	OUR_FILE_CONVERSION, /* gone with `native` */
	OUR_FILE_GROWTH,     /* holds growth services back; gone with `grow` */
	OUR_FILE_FALLBACK,   /* made by `native`, gone with `leave` */
};

#define OUR_DIR "/etc/panocrypt"
#define OUR_CA_FILE OUR_DIR "/ca.pem"
#define OUR_CURLRC_FILE OUR_DIR "/curlrc"
#define OUR_GRUB_DEFAULTS "/etc/default/grub.d/90_panocrypt.cfg"
#define OUR_FALLBACK_SCRIPT "/etc/grub.d/42_panocrypt_fallback"
#define OUR_BOOT_HOOK "/etc/initramfs-tools/hooks/panocrypt-boot-step"
#define OUR_IMAGE_MASK "/etc/initramfs-tools/conf.d/panocrypt-private"
#define OUR_CLOUD_GROWTH "/etc/cloud/cloud.cfg.d/99_panocrypt_growth.cfg"

/* Writes the files of this life that have a fixed content. */
int our_files_install(enum our_file_life life) MUST_CHECK;

/* Removes all files of this life, whoever wrote them; missing ones are fine. */
int our_files_remove(enum our_file_life life) MUST_CHECK;
