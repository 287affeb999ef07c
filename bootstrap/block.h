/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to libblkid, and the few ioctls on block devices: what is on it, how large it is, which
 * one has this id.
 */
#pragma once

#include "common/base.h"

struct block_content {
	char type[32]; /* "ext4", "crypto_LUKS", "" when nothing (or more than one thing) is
			  recognised */
	char uuid[37], label[64];
};

/* Probes the content, no cache. */
int block_probe(const char *device, struct block_content *ret) MUST_CHECK;

/* Size in bytes of a block device or regular file. */
int block_size(const char *device, uint64_t *ret) MUST_CHECK;

/* The device whose tag (e.g. "UUID", "PARTUUID") has this value, scanning /sys/class/block and
 * probing (no udev links needed: works in the initramfs). -ENODEV without a sentence when there is
 * none yet. */
int block_find(const char *tag, const char *value, char *ret, size_t size) MUST_CHECK;

/* The same, waiting up to timeout_s for it to appear. */
int block_wait(const char *tag, const char *value, unsigned timeout_s, char *ret,
	       size_t size) MUST_CHECK;

/* Parent disk and partition number of a partition node (by /sys). */
int block_parent(const char *device, char *ret_disk, size_t size, unsigned *ret_number) MUST_CHECK;

/* PARTUUID of a partition node. */
int block_partuuid(const char *device, char ret[static 37]) MUST_CHECK;

/* Flush of the device's volatile cache (fdatasync on it). */
int block_flush(const char *device) MUST_CHECK;
