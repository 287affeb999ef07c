/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reencryption by libcryptsetup >= 2.8 (luks_reencrypt.c); the developer build with an older one
 * links luks_reencrypt_none.c, whose functions refuse with -EOPNOTSUPP: 2.6/2.7 give device_size
 * another meaning.
 */
#pragma once

#include "bootstrap/luks.h"

/* Init in a detached header file (a working copy): parks the head of data (S bytes) at R - S of the
 * data device, writes the segments into the header file. The data device must not be mounted.
 * Asserts that the segments add up to payload_bytes. Flushes nothing on the data device: the caller
 * does, and compares. */
int luks_reencrypt_init(const char *header_file, const char *data, const struct secret *volume_key,
			uint64_t payload_bytes) MUST_CHECK;

/* The same for a change from one volume key to the next (luks_next.h), which moves nothing: writes
 * the LUKS2 metadata of the device, once, and nothing else. mapping: NULL offline, else the active
 * name, which must be of that header. The next key's Clevis slot must be there. */
int luks_rotate_init(const char *device, const char *mapping, const struct secret *volume_key,
		     const struct secret *next_key) MUST_CHECK;

/* Called between chunks, with nothing suspended. Return true to stop there, cleanly. */
typedef bool (*luks_progress)(uint64_t done_bytes, uint64_t total_bytes, void *userdata);

struct luks_run {
	const char *device;  /* head has the header; */
	const char *mapping; /* NULL: offline; else the active name: online */
	const struct secret *volume_key;
	const struct secret *next_key; /* when it changes to another; else NULL */
	luks_progress progress;
	void *userdata;
};

/* Finishes a chunk that was cut, offline, and with the last one all of it; nothing else, and
 * nothing where none was. next_key: as in struct luks_run. Each write is flushed before what relies
 * on it. */
int luks_finish_chunk(const char *device, const struct secret *volume_key,
		      const struct secret *next_key) MUST_CHECK;

enum luks_run_outcome { LUKS_RUN_STOPPED = 1 };

/* Resumes until the end (0) or until progress said stop (LUKS_RUN_STOPPED). */
int luks_reencrypt_run(const struct luks_run *run) MUST_CHECK;
