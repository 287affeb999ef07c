/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a system call that has returned means for the machine's files: events. Nobody but record.c
 * includes this.
 */
#pragma once

#include "tests/fault/record.h"

#include <limits.h>
#include <sys/types.h>

#define TRACED_MAX 32

struct traced {
	pid_t pid;
	uint64_t number, args[6];
	uint8_t *lost; /* what a forgotten write would have replaced */
	size_t lost_len;
};

struct recorder {
	char device[PATH_MAX], table[PATH_MAX], state[PATH_MAX];
	struct log *log;
	size_t drop, writes;
	ino_t inodes[MACHINE_FILES];
	unsigned file_count;
	struct traced traced[TRACED_MAX];
};

/* Adds the events of a call that has succeeded; ends the program at one that isn't known. */
void record_call(struct recorder *recorder, const struct traced *traced, int64_t result);

/* Counts for a test even where the kernel says no: the test's filesystem has no journal. */
bool record_is_asked(const struct traced *traced);

/* The number of the file behind a descriptor; -1 when it is none of the machine's. */
int record_file_of_fd(struct recorder *recorder, pid_t pid, uint64_t fd);
void record_fd_info(pid_t pid, uint64_t fd, uint64_t *ret_position, unsigned *ret_flags);
