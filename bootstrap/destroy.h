/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Destroying copies of the header: overwritten in place before the name goes, and searched for on
 * the raw sectors.
 */
#pragma once

#include "common/base.h"

/* Renames the file to <path>.gone, overwrites its blocks (ext4 and FAT write in place), flushes,
 * removes the name: a power cut leaves the whole file under its name, or none. What an earlier cut
 * left as <path>.gone goes as well. A missing file is 0. */
int destroy_file(const char *path) MUST_CHECK;

/* Every file of a folder, then the folder. Folders in it, which hold no copy, are only removed. A
 * missing one is 0. */
int destroy_folder(const char *path) MUST_CHECK;

/* Counts the occurrences of any of the needles (texts of 8 to 95 characters) on a device or file.
 */
int destroy_search(const char *device, const char *const *needles, size_t count,
		   uint64_t *ret_hits) MUST_CHECK;

/* Fills the free room of a mounted filesystem with zeros once and gives it back: for copies in
 * freed blocks. */
int destroy_free_space(const char *mount_point) MUST_CHECK;
