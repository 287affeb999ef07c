/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See luks_slot.h. The area of a slot and its JSON object together decide which passphrase opens it
 * (LUKS2 on-disk format 1.1.3, sections 3.2 and 4).
 */
#include "bootstrap/luks_slot.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>

#define AREA_MAX_BYTES (4 * MIB)

DEFINE_CLEANUP(struct crypt_device *, crypt_free);

struct slot {
	json_t *description; /* owned */
	uint8_t *area;	     /* owned */
	uint64_t area_bytes;
};

static void slot_done(struct slot *slot)
{
	json_decref(slot->description);
	free(slot->area);
}

static int read_area(const char *header, struct slot *slot, uint64_t offset_bytes)
{
	CLEANUP_CLOSE int fd = open(header, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(-errno, "%s can't be read: %s", header, strerror(errno));
	if (slot->area_bytes > AREA_MAX_BYTES)
		return fail(-E2BIG, "a keyslot area of %s is too large", header);
	slot->area = malloc(slot->area_bytes);
	if (!slot->area)
		return -ENOMEM;
	return file_pread_all(fd, slot->area, slot->area_bytes, offset_bytes);
}

static int slot_read(const char *header, int number, struct slot *ret)
{
	CLEANUP(crypt_freep) struct crypt_device *cd = NULL;
	CLEANUP_JSON json_t *root = NULL;
	json_t *slots = NULL, *description = NULL;
	const char *text = NULL;
	uint64_t offset = 0;
	char name[12];
	int r;

	r = crypt_init(&cd, header);
	if (r == 0)
		r = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (r == 0)
		r = crypt_dump_json(cd, &text, 0);
	if (r == 0)
		r = crypt_keyslot_area(cd, number, &offset, &ret->area_bytes);
	if (r < 0)
		return fail(r, "keyslot %d of %s can't be looked at: %s", number, header,
			    strerror(-r));
	r = js_parse(text, strlen(text), 4 * MIB, &root);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%d", number);
	r = js_object(root, "keyslots", &slots);
	if (r == 0)
		r = js_object(slots, name, &description);
	if (r < 0)
		return r;
	ret->description = json_incref(description);
	return read_area(header, ret, offset);
}

int luks_slot_same(const char *header_a, const char *header_b, int slot)
{
	CLEANUP(slot_done) struct slot a = { 0 }, b = { 0 };
	int r;

	r = slot_read(header_a, slot, &a);
	if (r < 0)
		return r;
	r = slot_read(header_b, slot, &b);
	if (r < 0)
		return r;
	return a.area_bytes == b.area_bytes && memcmp(a.area, b.area, a.area_bytes) == 0 &&
	       json_equal(a.description, b.description);
}
