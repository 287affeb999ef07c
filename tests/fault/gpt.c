/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See gpt.h. Offsets are UEFI's (specification 2.10, 5.3.2 and 5.3.3), checks is_gpt_valid()'s.
 */
#include "tests/fault/gpt.h"

#include "tests/fault/image.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#define ENTRY_BYTES 128
#define HEADER_LEAST 92

static uint32_t u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint32_t crc(const uint8_t *data, size_t len)
{
	return (uint32_t)crc32(0, data, (unsigned)len);
}

/* The entries of the copy whose header is in sector lba; NULL when it isn't whole. */
static const uint8_t *entries_at(const struct view *view, uint64_t lba, size_t *ret_count)
{
	const uint64_t sectors = view->len / SECTOR_BYTES;
	uint8_t header[SECTOR_BYTES];
	uint64_t first, count;
	uint32_t len;

	memcpy(header, view->data + lba * SECTOR_BYTES, sizeof(header));
	len = u32(header + 12);
	if (memcmp(header, "EFI PART", 8) != 0 || len < HEADER_LEAST || len > sizeof(header))
		return NULL;
	memset(header + 16, 0, 4);
	if (crc(header, len) != u32(view->data + lba * SECTOR_BYTES + 16))
		return NULL;
	first = u64(header + 72);
	count = u32(header + 80);
	if (u64(header + 24) != lba || u64(header + 40) >= sectors || u64(header + 48) >= sectors ||
	    u64(header + 48) < u64(header + 40) || u32(header + 84) != ENTRY_BYTES ||
	    first + count * ENTRY_BYTES / SECTOR_BYTES > sectors ||
	    crc(view->data + first * SECTOR_BYTES, count * ENTRY_BYTES) != u32(header + 88))
		return NULL;
	*ret_count = count;
	return view->data + first * SECTOR_BYTES;
}

struct gpt_copies gpt_look(const char *disk)
{
	CLEANUP_VIEW struct view view = view_of(disk);
	size_t count;

	return (struct gpt_copies){ entries_at(&view, 1, &count) != NULL,
				    entries_at(&view, view.len / SECTOR_BYTES - 1, &count) !=
					    NULL };
}

/* The first three parts are numbers, low byte first. */
static void uuid_text(const uint8_t *id, char ret[static 37])
{
	static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	size_t at = 0;

	for (size_t i = 0; i < sizeof(order); i++) {
		at += (size_t)snprintf(ret + at, 37 - at, "%02x", id[order[i]]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			at += (size_t)snprintf(ret + at, 37 - at, "-");
	}
}

bool gpt_find(const char *disk, const char *partuuid, struct gpt_partition *ret)
{
	CLEANUP_VIEW struct view view = view_of(disk);
	size_t count = 0;
	const uint8_t *entry = entries_at(&view, 1, &count);

	if (!entry)
		entry = entries_at(&view, view.len / SECTOR_BYTES - 1, &count);
	for (size_t i = 0; entry && i < count; i++, entry += ENTRY_BYTES) {
		uint64_t first = u64(entry + 32), last = u64(entry + 40);
		char text[37];

		uuid_text(entry + 16, text);
		if (strcasecmp(text, partuuid) == 0 && last >= first) {
			*ret = (struct gpt_partition){ first * SECTOR_BYTES,
						       (last - first + 1) * SECTOR_BYTES };
			return true;
		}
	}
	return false;
}
