/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a function in a process of its own under ptrace(2) and writes down, in their order, all
 * writes and flushes that it and all of its children (e2fsck, resize2fs, …) ask the kernel for on
 * one machine's disk and state folder. The system call is where user space ends: nothing that
 * libcryptsetup, libfdisk or e2fsprogs do gets past it, whatever they are linked with. What isn't
 * known here (shared mappings, splice, io_uring …) ends the program with a sentence.
 */
#pragma once

#include "tests/fault/machine.h"

struct recorded {
	int (*run)(void *userdata);
	void *userdata;
	size_t drop; /* number (from 1) of a write to the root partition that the disk acknowledges
			and forgets; 0: none */
};

/* folder: absolute; base: what is in it, whose numbers of files the log has. Returns the exit
 * status of run(). */
int record(const char *folder, const struct machine *base, const struct recorded *what,
	   struct log *ret);
