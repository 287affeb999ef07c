/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of this repository that the binary carries, byte for byte, and puts on the machine
 * (our_files.c).
 */
#pragma once

#include <stddef.h>

struct embedded {
	const char *data;
	const char *end;
};

extern const struct embedded embedded_network_hook, embedded_network_script,
	embedded_network_end_script, embedded_network_curlrc;
extern const struct embedded embedded_boot_hook, embedded_boot_script;
