/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See redo_log.h. Numbers are little-endian.
 */
#include "bootstrap/redo_log.h"

#include "common/err.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define RECORD_BYTES (8 + REDO_SECTORS * SHA256_BYTES)

static const uint8_t magic[8] = "PANOREDO";
enum { VERSION = 1 };

/* The head's members: the digest is of all behind the head, the HMAC of the head before it. Less
 * than a sector, so that a cut leaves all of it or nothing. The rest is zeros. */
enum { MAGIC = 0, VERSION_AT = 8, COUNT = 12, PLACE = 16, DEVICE = 24, DIGEST = 32, MAC = 64 };

static void put64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static size_t table_bytes(size_t count)
{
	return (count * RECORD_BYTES + REDO_BLOCK_BYTES - 1) / REDO_BLOCK_BYTES * REDO_BLOCK_BYTES;
}

uint64_t redo_log_bytes(size_t count)
{
	return REDO_BLOCK_BYTES + table_bytes(count) + (uint64_t)count * REDO_BLOCK_BYTES;
}

int redo_log_set(uint8_t *bytes, size_t count, size_t i, uint64_t offset,
		 const uint8_t before[static REDO_BLOCK_BYTES],
		 const uint8_t after[static REDO_BLOCK_BYTES])
{
	uint8_t *record = bytes + REDO_BLOCK_BYTES + i * RECORD_BYTES;

	put64(record, offset);
	for (size_t s = 0; s < REDO_SECTORS; s++) {
		int r = sha256(before + s * SECTOR_BYTES, SECTOR_BYTES,
			       record + 8 + s * SHA256_BYTES);

		if (r < 0)
			return r;
	}
	memcpy(bytes + REDO_BLOCK_BYTES + table_bytes(count) + i * REDO_BLOCK_BYTES, after,
	       REDO_BLOCK_BYTES);
	return 0;
}

int redo_log_seal(uint8_t *bytes, const struct redo_log *log, const struct secret *key)
{
	int r;

	memset(bytes, 0, REDO_BLOCK_BYTES);
	memcpy(bytes + MAGIC, magic, sizeof(magic));
	put32(bytes + VERSION_AT, VERSION);
	put32(bytes + COUNT, (uint32_t)log->count);
	put64(bytes + PLACE, log->place_bytes);
	put64(bytes + DEVICE, log->device_bytes);
	r = sha256(bytes + REDO_BLOCK_BYTES, (size_t)redo_log_bytes(log->count) - REDO_BLOCK_BYTES,
		   bytes + DIGEST);
	return r < 0 ? r : hmac_sha256(key, bytes, MAC, bytes + MAC);
}

uint64_t redo_log_announced(const uint8_t head[static REDO_BLOCK_BYTES])
{
	uint32_t count = get32(head + COUNT);

	if (memcmp(head + MAGIC, magic, sizeof(magic)) != 0 ||
	    get32(head + VERSION_AT) != VERSION || !count || count > REDO_RECORDS_MAX)
		return 0;
	return redo_log_bytes(count);
}

static int check_digests(const uint8_t *bytes, size_t len, const struct secret *key)
{
	uint8_t digest[SHA256_BYTES], mac[SHA256_BYTES];
	int r = hmac_sha256(key, bytes, MAC, mac);

	if (r == 0 && !bytes_equal_ct(mac, bytes + MAC, sizeof(mac)))
		return -EBADMSG;
	if (r == 0)
		r = sha256(bytes + REDO_BLOCK_BYTES, len - REDO_BLOCK_BYTES, digest);
	if (r == 0 && memcmp(digest, bytes + DIGEST, sizeof(digest)) != 0)
		return -EBADMSG;
	return r;
}

static bool are_offsets_sane(const struct redo_log *log, uint64_t log_bytes)
{
	uint64_t least = 0;

	if (log->place_bytes % REDO_BLOCK_BYTES || log->device_bytes < log_bytes ||
	    log->place_bytes > log->device_bytes - log_bytes)
		return false;
	for (size_t i = 0; i < log->count; i++) {
		uint64_t at = redo_log_offset(log, i);

		if (at % REDO_BLOCK_BYTES || at < least || log->device_bytes < REDO_BLOCK_BYTES ||
		    at > log->device_bytes - REDO_BLOCK_BYTES)
			return false;
		if (at + REDO_BLOCK_BYTES > log->place_bytes && at < log->place_bytes + log_bytes)
			return false;
		least = at + REDO_BLOCK_BYTES;
	}
	return true;
}

int redo_log_parse(const uint8_t *bytes, size_t len, const struct secret *key, struct redo_log *ret)
{
	struct redo_log log = { 0 };
	int r;

	if (len < REDO_BLOCK_BYTES || redo_log_announced(bytes) != len)
		return -EBADMSG;
	r = check_digests(bytes, len, key);
	if (r < 0)
		return r;
	log.count = get32(bytes + COUNT);
	log.place_bytes = get64(bytes + PLACE);
	log.device_bytes = get64(bytes + DEVICE);
	log.records = bytes + REDO_BLOCK_BYTES;
	log.data = log.records + table_bytes(log.count);
	if (!are_offsets_sane(&log, len))
		return -EBADMSG;
	*ret = log;
	return 0;
}

uint64_t redo_log_offset(const struct redo_log *log, size_t i)
{
	return get64(log->records + i * RECORD_BYTES);
}

const uint8_t *redo_log_after(const struct redo_log *log, size_t i)
{
	return log->data + i * REDO_BLOCK_BYTES;
}

int redo_log_compare(const struct redo_log *log, size_t i, unsigned sector,
		     const uint8_t now[static SECTOR_BYTES], enum redo_sector *ret)
{
	const uint8_t *before = log->records + i * RECORD_BYTES + 8 + sector * SHA256_BYTES;
	uint8_t digest[SHA256_BYTES];
	int r;

	if (memcmp(now, redo_log_after(log, i) + sector * SECTOR_BYTES, SECTOR_BYTES) == 0) {
		*ret = REDO_SECTOR_AFTER;
		return 0;
	}
	r = sha256(now, SECTOR_BYTES, digest);
	if (r < 0)
		return r;
	*ret = memcmp(digest, before, SHA256_BYTES) == 0 ? REDO_SECTOR_BEFORE : REDO_SECTOR_OTHER;
	return 0;
}
