/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real ext4 filesystem in a file, and a redo log that makes it smaller, by the real e2fsprogs.
 */
#pragma once

#include "bootstrap/redo.h"

#define REDO_DEVICE_BYTES (900 * MIB)
#define REDO_WANTED_BYTES (300 * MIB)

extern char redo_folder[]; /* holds the device, its files in tree/, and what a test puts there */
extern char redo_device[64];
extern struct secret redo_key;

/* For cmocka: before and after all tests. */
int redo_folder_make(void **state);
int redo_folder_remove(void **state);

/* sh -euc: demands exit status 0. */
int redo_sh(const char *format, ...) PRINTF_LIKE(1, 2);

/* Like a cloud image: made small with these options of mke2fs, grown to the disk. */
void redo_device_make(const char *options);

/* The content of every file, by debugfs: the filesystem is never mounted. The caller frees it. */
char *redo_device_files(void);

/* What the boot step does up to the log, with the same calls; may_move: a few blocks. */
void redo_device_log(bool may_move, struct redo *ret, uint64_t *ret_place);
