/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header says itself whether old plaintext may still stand behind the payload: a token
 * "panocrypt-unwiped" is there from `header` until `wipe` has ended. So the answer survives
 * whatever happens to files, mapping and filesystem sizes.
 */
#pragma once

#include "bootstrap/luks.h"

int wiped_set_pending(const struct luks_where *where) MUST_CHECK;
int wiped_set_done(const struct luks_where *where) MUST_CHECK;

/* 1: still to be wiped; 0: not. */
int wiped_is_pending(const struct luks_where *where) MUST_CHECK;

/* How far an earlier run came: next_bytes of a range that began at start_bytes; both 0 when it had
 * not begun. Durable when wiped_set_next() has returned; what it claims must be so before. */
int wiped_next(const struct luks_where *where, uint64_t *ret_start_bytes,
	       uint64_t *ret_next_bytes) MUST_CHECK;
int wiped_set_next(const struct luks_where *where, uint64_t start_bytes,
		   uint64_t next_bytes) MUST_CHECK;

/* What has to be wiped, in bytes of the raw device of device_bytes: all behind the encrypted
 * filesystem. -ERANGE when the filesystem isn't within the payload: then something grew it, and
 * what it left can't be found any more. */
struct wiped_range {
	uint64_t start_bytes, end_bytes;
};
int wiped_range(uint64_t device_bytes, uint64_t shift_bytes, uint64_t payload_bytes,
		uint64_t filesystem_bytes, struct wiped_range *ret) MUST_CHECK;
