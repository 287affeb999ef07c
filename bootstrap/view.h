/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device as programs see it that may not change it: what they write is kept in memory and is read
 * back by them and by those that follow. The door to seccomp's user notification: the kernel stops
 * each of the child's system calls that could touch the device, and we answer it. The descriptor
 * that the child gets for the device is read-only whatever it asked for, so that a call which
 * nobody thought of fails and changes nothing. Needs Linux 5.9.
 */
#pragma once

#include "bootstrap/spawn.h"
#include "common/cleanup.h"

#define VIEW_BLOCK_BYTES 4096

struct view; /* one device; not for threads */

/* Programs may change at most max_blocks blocks; the next one makes their write, and view_status(),
 * fail. The device is opened for reading. */
int view_open(const char *device, size_t max_blocks, struct view **ret) MUST_CHECK;
void view_close(struct view *view);

/* For struct spawn: the program runs in the view. NULL for NULL: it gets the device itself. Valid
 * for one program; view_close() and the next call end it. */
struct spawn_watch *view_watch(struct view *view);

/* Negative with a sentence when something was asked that can't be answered: what is in the view is
 * then not what the programs meant. */
int view_status(const struct view *view) MUST_CHECK;

/* The blocks that were written to, in ascending order; data (VIEW_BLOCK_BYTES) belongs to the
 * view. They may be the same as before. */
size_t view_count(const struct view *view);
const uint8_t *view_block(const struct view *view, size_t i, uint64_t *ret_offset_bytes);

DEFINE_CLEANUP(struct view *, view_close);
