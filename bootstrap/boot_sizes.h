/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two sums of the boot step: where the /boot partition is cut off, and how large the payload
 * is. Pure. All in bytes.
 */
#pragma once

#include "common/base.h"

#ifndef PAYLOAD_SLACK_BYTES /* tests that rebuild thousands of disks make them smaller */
#define PAYLOAD_SLACK_BYTES                                                                        \
	(256 * MIB) /* what the machine needs while it is being encrypted, beside a quarter */
#endif

/* R after `carve`: a partition of boot_bytes fits behind it, aligned to 1 MiB. -ENOSPC with a
 * sentence when less than two shifts and 64 MiB would be left. */
int boot_carve_size(uint64_t start_bytes, uint64_t size_bytes, uint64_t boot_bytes,
		    uint64_t shift_bytes, uint64_t *ret_root_bytes) MUST_CHECK;

struct payload_facts {
	uint64_t unmoved_bytes, used_bytes, fs_bytes; /* of the filesystem */
	uint64_t root_bytes, shift_bytes;
	bool is_all_wanted; /* --coverage=full: as much of the device as can be encrypted */
};

/* The size up to which F may be rounded down to what the filesystem can do, never below
 * unmoved_bytes. -ENOSPC with a sentence (`tail-in-use`) when the filesystem can't be cut to R - 2S
 * without moving anything. */
int boot_payload_size(const struct payload_facts *facts, uint64_t *ret_bytes) MUST_CHECK;
