/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The heart of the conversion (docs/power-cut.md, `place`). Works on paths, so that the same code
 * runs natively on files. state_dir: a folder on a durable filesystem (the new /boot) holding
 * header.img, header.post and the marker.
 *
 *	park	 init on a working copy, flush, re-read and compare the parked head;
 *		 header.post durable
 *	write	 zero the first 4 KiB, flush, the first 20 KiB, flush; keyslot area, flush;
 *		 secondary header (its first sector last), flush; primary, flush; compare the whole
 *		 region with
 *		 header.post; marker durable
 *	chunk	 only now the first chunk, offline
 */
#pragma once

#include "common/secret.h"

struct place {
	const char *device; /* the root partition, unmounted */
	const char *state_dir;
	uint64_t shift_bytes, payload_bytes;
	const char *luks_uuid;
	/* Makes what is in state_dir durable beyond fsync (freeze/thaw); may be NULL. */
	void (*settle)(const char *state_dir);
	/* Tests cut here, at one of place_points[]; NULL otherwise. */
	void (*reached)(const char *point);
};

/* Names of all points, in their order, ending with NULL. */
extern const char *const place_points[];

/* Makes header.post from header.img. Refuses (-EEXIST, -EUCLEAN) wherever the head of the device
 * may not be the filesystem's any more: parking twice would park the wrong bytes. A header.post
 * whose root was mounted since must be removed first. */
int place_park(const struct place *place, const struct secret *volume_key) MUST_CHECK;

/* Idempotent; refuses (-EALREADY) when the marker exists. */
int place_write(const struct place *place) MUST_CHECK;

/* 0 also when it was done before. */
int place_first_chunk(const struct place *place, const struct secret *volume_key) MUST_CHECK;
bool place_has_marker(const char *state_dir);
