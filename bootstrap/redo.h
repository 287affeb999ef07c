/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of a device that a power cut leaves done or not begun: everything that shall change is
 * first written to free space near the device's end, flushed, announced by a head that
 * authenticates it, flushed, and only then written to its places. redo_look() finds such a log
 * again without knowing anything but the device and the key. docs/power-cut.md has the windows.
 */
#pragma once

#include "bootstrap/redo_log.h"
#include "common/cleanup.h"

struct view;

#define REDO_KEY "/etc/panocrypt/redo.key" /* in the image, which only root can read */

/* The log begins at a multiple of 1 MiB within this many bytes before the device's end. */
#define REDO_WINDOW_BYTES (64 * MIB)

enum redo_state {
	REDO_NONE,    /* no whole log of this key */
	REDO_READY,   /* a whole one, and each sector is as it was or as it shall be */
	REDO_FOREIGN, /* a whole one, and somebody has written to the device since */
};

struct redo {
	enum redo_state state;
	struct redo_log log;
	uint8_t *bytes; /* the log; NULL without one */
};

#define CLEANUP_REDO CLEANUP(redo_done)
void redo_done(struct redo *redo);

/* The image's. */
int redo_key_read(struct secret *ret) MUST_CHECK;

/* Reads only. Negative when the device can't be read, and no log was found where it can. The caller
 * ends it with redo_done(). */
int redo_look(const char *device, const struct secret *key, struct redo *ret) MUST_CHECK;

/* Reads all of the window that a log could need on a device that ends at device_bytes. Negative,
 * with a sentence, where something of it can't be read: a log there would be lost. */
int redo_check_window(const char *device, uint64_t device_bytes) MUST_CHECK;

/* Where a log of what the view holds may stand: [from, to) on the device. -ENOSPC with a sentence
 * when the device has no such window behind fs_end_bytes. */
int redo_window(uint64_t device_bytes, uint64_t fs_end_bytes, uint64_t *ret_from,
		uint64_t *ret_to) MUST_CHECK;

/* The log of all that the view changes, made in memory, its head at `place_bytes` not yet known:
 * *ret has no records when nothing differs. Refuses (-E2BIG) above REDO_RECORDS_MAX. */
int redo_make(const char *device, const struct view *view, struct redo *ret) MUST_CHECK;

/* Writes the log to place_bytes, durably, its head last. The device's other content is untouched.
 */
int redo_write(const char *device, const struct secret *key, uint64_t place_bytes,
	       struct redo *redo) MUST_CHECK;

/* Writes what a REDO_READY log says, durably, reads it back, and takes the log away. May be cut and
 * repeated. Negative: the device may be changed in part, and the log is still there. */
int redo_apply(const char *device, const struct redo *redo) MUST_CHECK;
