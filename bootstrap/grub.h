/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GRUB as Debian ships it: its defaults drop-in, its configuration, its installation for BIOS and
 * EFI. Everything through the distribution's own tools; grub.cfg is never edited by hand.
 */
#pragma once

#include "bootstrap/facts.h"
#include "bootstrap/intent.h"

#define GRUB_CFG "/boot/grub/grub.cfg"

enum grub_stage {
	GRUB_CONVERTING, /* root by UUID, no recovery entries (they would skip the boot step) */
	GRUB_MARKED,	 /* the same and the mark that proves the new /boot */
	GRUB_NATIVE,	 /* root by UUID */
};

/* Writes the drop-in of this stage. grub_update() makes it count. */
int grub_write_defaults(enum grub_stage stage, const struct intent *intent) MUST_CHECK;

/* grub-mkconfig, a look at what came out (every entry must name the root by its
 * UUID, or as the mapping), and only
 * then grub.cfg is replaced, at once. */
int grub_update(const struct intent *intent) MUST_CHECK;

/* The same without the look: for undo, after our drop-in is gone. */
int grub_update_plain(void) MUST_CHECK;

/* grub-install for the platforms that the machine has (BIOS boot partition, ESP): the old one
 * starts until the new one is whole. */
int grub_install(const struct facts *facts) MUST_CHECK;

/* Does grub.cfg hold this text? -ENOENT (no sentence) when there is no grub.cfg. */
int grub_cfg_has(const char *text, bool *ret) MUST_CHECK;
