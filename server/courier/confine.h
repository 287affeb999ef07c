/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the calling process from all files but those that resolving names and checking certificates
 * needs, by Landlock. Changes only the calling process.
 */
#pragma once

#include "common/base.h"

/* Outcomes besides 0. */
enum { CONFINE_UNAVAILABLE = 1 };

/* CONFINE_UNAVAILABLE: the kernel has no Landlock, or was started without it, or a container
 * forbids it. */
int confine_files(void) MUST_CHECK;
