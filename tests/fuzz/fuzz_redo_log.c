/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A redo log as it is found on a disk that may hold anything. The same bytes are tried as they are
 * and with digests that are right, which only root could make: then what was accepted lies in
 * order, within the device and beside the log. FUZZ_SOURCES: bootstrap/redo_log.c
 */
#include "bootstrap/redo_log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct secret key;

static void check(const struct redo_log *log, uint64_t len)
{
	uint64_t end = 0;

	if (!log->count || redo_log_bytes(log->count) != len ||
	    log->place_bytes + len > log->device_bytes)
		abort();
	for (size_t i = 0; i < log->count; i++) {
		uint64_t at = redo_log_offset(log, i);
		enum redo_sector is = REDO_SECTOR_OTHER;

		if (at < end || at + REDO_BLOCK_BYTES > log->device_bytes ||
		    (at + REDO_BLOCK_BYTES > log->place_bytes && at < log->place_bytes + len))
			abort();
		if (redo_log_compare(log, i, REDO_SECTORS - 1,
				     redo_log_after(log, i) + REDO_BLOCK_BYTES - SECTOR_BYTES,
				     &is) < 0 ||
		    is != REDO_SECTOR_AFTER)
			abort();
		end = at + REDO_BLOCK_BYTES;
	}
}

/* The seal covers number, place and size: they are taken from the bytes. */
static void seal(uint8_t *bytes, size_t count)
{
	struct redo_log log = { .count = count };

	memcpy(&log.place_bytes, bytes + 16, sizeof(log.place_bytes));
	memcpy(&log.device_bytes, bytes + 24, sizeof(log.device_bytes));
	if (redo_log_seal(bytes, &log, &key) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct redo_log log;
	uint8_t *bytes;
	uint64_t announced;

	if (!key.data && secret_copy(&key, "0123456789abcdef0123456789abcdef", REDO_KEY_BYTES) < 0)
		abort();
	if (redo_log_parse(data, len, &key, &log) == 0)
		check(&log, len);
	if (len < REDO_BLOCK_BYTES || len > 64 * KIB)
		return 0;
	announced = redo_log_announced(data);
	if (!announced || announced > 64 * KIB)
		return 0;
	/* as long as it says, the rest zeros: the fuzzer needn't find the length */
	bytes = calloc(1, announced);
	if (!bytes)
		return 0;
	memcpy(bytes, data, len < announced ? len : announced);
	for (size_t count = 1; count <= REDO_RECORDS_MAX && redo_log_bytes(count) <= announced;
	     count++) {
		if (redo_log_bytes(count) == announced)
			seal(bytes, count);
	}
	if (redo_log_parse(bytes, announced, &key, &log) == 0)
		check(&log, announced);
	free(bytes);
	return 0;
}
