/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Byte ranges of a block device or file: compared, copied, zeroed, flushed, past the page cache
 * where the target allows it. Offsets and lengths are bytes, multiples of 512. Nothing here is
 * durable before region_flush() has returned 0.
 */
#pragma once

#include "common/base.h"

/* open(2) with O_DIRECT where that works. O_EXCL on a block device: -EBUSY when it is mounted or
 * mapped. */
int region_open(const char *path, int flags, int *ret_fd) MUST_CHECK;

int region_size(int fd, uint64_t *ret_bytes) MUST_CHECK;

/* True when len bytes of a and b are the same, as the device has them (call region_flush() first).
 */
int region_equal(int fd_a, uint64_t offset_a, int fd_b, uint64_t offset_b, uint64_t len,
		 bool *ret) MUST_CHECK;

/* True when len bytes are all zero. */
int region_is_zero(int fd, uint64_t offset, uint64_t len, bool *ret) MUST_CHECK;

/* Reads what the device has, not what a cache remembers; writes. The memory is aligned to 4096. */
int region_read(int fd, uint8_t *data, uint64_t offset, uint64_t len) MUST_CHECK;
int region_write(int fd, const uint8_t *data, uint64_t offset, uint64_t len) MUST_CHECK;

/* Copies len bytes. The ranges may not overlap. */
int region_copy(int fd_from, uint64_t offset_from, int fd_to, uint64_t offset_to,
		uint64_t len) MUST_CHECK;

/* Writes zeros. */
int region_zero(int fd, uint64_t offset, uint64_t len) MUST_CHECK;

/* The same for long ranges: the device is asked to do it (BLKZEROOUT), else zeros are written. */
int region_zero_out(int fd, uint64_t offset, uint64_t len) MUST_CHECK;

/* Writes random bytes, as good as a ciphertext. */
int region_random(int fd, uint64_t offset, uint64_t len) MUST_CHECK;

/* Tells the device that nothing is needed there (BLKDISCARD; a hole in a file). What is read
 * afterwards is the device's affair. -EOPNOTSUPP without a sentence when it can't. */
int region_discard(int fd, uint64_t offset, uint64_t len) MUST_CHECK;

int region_flush(int fd) MUST_CHECK;
