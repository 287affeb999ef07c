/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a long phase rests between two steps: for the limit that people set, and for what others
 * do on the disk meanwhile. Pure, but for load_open() and load_look(), which read one file of
 * sysfs.
 */
#pragma once

#include "common/base.h"

/* What one step was. */
struct throttle_step {
	uint64_t bytes;	    /* by which it brought the phase on */
	uint64_t own_bytes; /* that it moved on the disk itself: read and written */
	uint64_t took_ms;
	uint64_t disk_bytes; /* moved on the disk in that time, by all; 0: not known */
};

/*
 * Milliseconds to rest. max_bytes_per_s 0: no limit. Whatever others do, a step is followed by at
 * most twice its own time: the phase slows down to a third and never stops for them.
 */
uint64_t throttle_rest_ms(const struct throttle_step *step, uint64_t max_bytes_per_s);

/* "stat" of a block device in sysfs: bytes read and written since it is there. -EBADMSG when it
 * isn't one. Documentation/block/stat.rst of the kernel. */
int throttle_parse_stat(const char *text, uint64_t *ret_bytes) MUST_CHECK;

/* The counter of the disk on which the device is; it costs no file on any filesystem, and the
 * descriptor stays good while root is suspended. -ENOENT with a sentence for what isn't a block
 * device. */
int load_open(const char *device, int *ret_fd) MUST_CHECK;
/* 0 when it can't be read. */
uint64_t load_look(int fd);
