/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The heart of the conversion (design: docs/power-cut.md, `place`). Works on paths, so that the same code runs natively on files.
 * state: a folder on a durable filesystem (the new /boot) holding header.img, header.post and the marker.
 *
 *	park	 init on a working copy, flush, re-read and compare the parked head; header.post durable
 *	write	 zero the first 4 KiB, flush, the first 16 KiB, flush; keyslot area and secondary header, flush; primary, flush;
 *		 compare the whole region with header.post; marker durable
 *	chunk	 only now the first chunk, offline
 */
#pragma once

#include "common/secret.h"

struct place {
	const char *device;	/* the root partition, unmounted */
	const char *state_dir;
	uint64_t shift_bytes, payload_bytes;
	const char *luks_uuid;
	void (*settle)(const char *state_dir); /* makes what is in state_dir durable beyond fsync (freeze/thaw); may be NULL */
};

int place_park(const struct place *place, const struct secret *volume_key) MUST_CHECK;
int place_write(const struct place *place) MUST_CHECK;	/* idempotent; refuses (-EALREADY) when the marker exists */
int place_first_chunk(const struct place *place, const struct secret *volume_key) MUST_CHECK; /* 0 also when done before */
bool place_has_marker(const char *state_dir);
