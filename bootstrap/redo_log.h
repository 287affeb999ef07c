/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The redo log's bytes (docs/on-disk.md): what shall stand on a device, and what stood there
 * before. Pure. The whole is authenticated with a key that only root has: the log lies in free
 * blocks of the filesystem, where a user's file could have left something that looks like one.
 *
 *	0	head, 4096 bytes: magic, version, number of records, place, size of the device,
 *		SHA-256 of the rest, HMAC-SHA256 of all that
 *	4096	records of 264 bytes: offset, SHA-256 of each of 8 sectors as it was; zeros up to
 * 4096 …	for each record 4096 bytes: what shall stand there
 */
#pragma once

#include "common/aead.h"
#include "common/secret.h"

#define REDO_BLOCK_BYTES 4096
#define REDO_SECTORS (REDO_BLOCK_BYTES / SECTOR_BYTES)
#define REDO_RECORDS_MAX 4096
#define REDO_KEY_BYTES 32

struct redo_log {
	uint64_t place_bytes;  /* where on the device the log stands */
	uint64_t device_bytes; /* the device's size, so that no other is taken for it */
	size_t count;
	const uint8_t *records, *data; /* within the bytes that were parsed */
};

/* Size of a log with so many records. */
uint64_t redo_log_bytes(size_t count);

/* Fills the head; records (redo_log_set()) and data are in place already. */
int redo_log_seal(uint8_t *bytes, const struct redo_log *log, const struct secret *key) MUST_CHECK;

/* Record i: the block at offset, as it is and as it shall be. */
int redo_log_set(uint8_t *bytes, size_t count, size_t i, uint64_t offset_bytes,
		 const uint8_t before[static REDO_BLOCK_BYTES],
		 const uint8_t after[static REDO_BLOCK_BYTES]) MUST_CHECK;

/* Does this block begin a log, and how long is it? 0: it doesn't. */
uint64_t redo_log_announced(const uint8_t head[static REDO_BLOCK_BYTES]);

/* -EBADMSG (no sentence) for anything but a whole log of this key whose records are in order,
 * within the device and beside the log. */
int redo_log_parse(const uint8_t *bytes, size_t len, const struct secret *key,
		   struct redo_log *ret) MUST_CHECK;

uint64_t redo_log_offset(const struct redo_log *log, size_t i);
const uint8_t *redo_log_after(const struct redo_log *log, size_t i);

/* What one sector of a record's block is now. */
enum redo_sector { REDO_SECTOR_BEFORE, REDO_SECTOR_AFTER, REDO_SECTOR_OTHER };
int redo_log_compare(const struct redo_log *log, size_t i, unsigned sector,
		     const uint8_t now[static SECTOR_BYTES], enum redo_sector *ret) MUST_CHECK;
