/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a program's sentences go. Programs call it; common/ itself doesn't. Under systemd
 * (JOURNAL_STREAM) lines carry the <N> priority prefix; in the initramfs they go to /dev/kmsg as
 * well; else plain lines on stderr.
 */
#pragma once

#include "common/base.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* name goes before lines ("panocrypt: …"); to_kmsg also writes to the kernel log (boot step). */
void log_open(const char *name, bool to_kmsg, enum log_level most);
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* Logs fail_text() (or strerror(-r)) as an error and returns r. */
int log_failure(int r);
