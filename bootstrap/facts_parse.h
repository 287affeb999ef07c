/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pure readers of the texts that facts come from: kernel tables and os-release. Each takes the
 * whole text and fills its part of the facts; what isn't there, or is malformed, stays as it was.
 * Nothing here can fail.
 */
#pragma once

#include "bootstrap/facts.h"

void facts_parse_os_release(const char *text, struct facts *facts);	/* os-release(5) */
void facts_parse_meminfo(const char *text, struct facts *facts);	/* /proc/meminfo */
void facts_parse_cpuinfo(const char *text, struct facts *facts);	/* /proc/cpuinfo */
void facts_parse_initramfs_conf(const char *text, struct facts *facts); /* initramfs.conf(5) */
void facts_parse_swaps(const char *text, struct facts *facts);		/* /proc/swaps */
void facts_parse_resolv(const char *text, struct facts *facts);		/* resolv.conf(5) */

/* The default route with the smallest metric: interface and gateway. */
void facts_parse_route4(const char *text, struct facts *facts); /* /proc/net/route */
void facts_parse_route6(const char *text, struct facts *facts); /* /proc/net/ipv6_route */

/* The kind of container named in an environment block ("container=lxc"); "" when none is. */
void facts_parse_environ(const char *block, size_t len, char *ret, size_t size);

/* Undoes the \ooo escapes of /proc/swaps, in place. */
void facts_unescape(char *text);
