/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .incbin looks in the assembler's working directory, the root of the repository, where make runs
 * the compiler. The Makefile names initramfs-tools/ as a prerequisite of this object.
 */
#include "bootstrap/embedded.h"

#define EMBED(name, path)                                                                          \
	__asm__(".section .rodata\n"                                                               \
		".global embed_" #name "_start\n"                                                  \
		".global embed_" #name "_end\n"                                                    \
		"embed_" #name "_start:\n"                                                         \
		".incbin \"" path "\"\n"                                                           \
		"embed_" #name "_end:\n"                                                           \
		".byte 0\n"                                                                        \
		".previous\n");                                                                    \
	extern const char embed_##name##_start[], embed_##name##_end[];                            \
	const struct embedded embedded_##name = { embed_##name##_start, embed_##name##_end }

EMBED(network_hook, "initramfs-tools/hooks/panocrypt-network");
EMBED(network_script, "initramfs-tools/scripts/local-top/panocrypt-network");
EMBED(network_end_script, "initramfs-tools/scripts/local-bottom/panocrypt-network");
EMBED(network_curlrc, "initramfs-tools/curlrc");
EMBED(boot_hook, "initramfs-tools/hooks/panocrypt-boot-step");
EMBED(boot_script, "initramfs-tools/scripts/local-top/panocrypt-boot-step");
