/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See fs_ext4_superblock.h. Offsets: struct ext4_super_block in the kernel's fs/ext4/ext4.h; the
 * checksum: ext4_superblock_csum() in its fs/ext4/super.c.
 */
#include "bootstrap/fs_ext4_superblock.h"

#include "common/strbuf.h"

#include <string.h>
#include <strings.h>

#define MAGIC 0x38
#define RO_COMPAT 0x64
#define UUID 0x68
#define CHECKSUM_TYPE 0x175
#define CHECKSUM 0x3FC

#define METADATA_CSUM 0x400 /* of RO_COMPAT */
#define CRC32C 1	    /* of CHECKSUM_TYPE, the only one */
#define UUID_BYTES 16

static uint32_t read_le(const uint8_t *at, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

/* As Linux has it: begun with all ones, not inverted at the end. */
static uint32_t crc32c(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
	}
	return crc;
}

static bool has_uuid(const uint8_t *superblock, const char *uuid)
{
	char is[2 * UUID_BYTES + 1], wanted[2 * UUID_BYTES + 1] = "";
	size_t len = 0;

	for (; *uuid && len < 2 * UUID_BYTES; uuid++) {
		if (*uuid != '-')
			wanted[len++] = *uuid;
	}
	text_hex(is, superblock + UUID, UUID_BYTES);
	return !*uuid && strcasecmp(is, wanted) == 0;
}

bool ext4_superblock_mend(uint8_t superblock[static EXT4_SUPERBLOCK_BYTES], const char *uuid)
{
	uint32_t checksum = crc32c(superblock, CHECKSUM);

	if (read_le(superblock + MAGIC, 2) != 0xEF53 ||
	    !(read_le(superblock + RO_COMPAT, 4) & METADATA_CSUM) ||
	    superblock[CHECKSUM_TYPE] != CRC32C || !has_uuid(superblock, uuid) ||
	    read_le(superblock + CHECKSUM, 4) == checksum)
		return false;
	for (size_t i = 0; i < 4; i++)
		superblock[CHECKSUM + i] = (uint8_t)(checksum >> (8 * i));
	return true;
}
