/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is recorded and cut: one row each, and how one of its machines is judged.
 */
#pragma once

#include "tests/fault/judge.h"

struct scenario {
	const char *name;
	int (*run)(void *userdata); /* in a process of its own; userdata: a world */
	bool (*judge)(struct judge *judge, char ret_loss[static JUDGE_TEXT]);
	bool is_shown_to_stock; /* each state also to a stock boot */
	bool is_unpatched;	/* seeded bug: finished by the distribution's libcryptsetup */
	bool is_first_stage, is_stopped_before_place; /* of its worlds */
	bool is_for_grub;     /* what is on the disk is what GRUB sees of it */
	bool is_end_expected; /* the filesystem is to be what an uncut run leaves */
	bool has_programs;    /* e2fsprogs read and change it */
};

/* Ends the program when there is none. */
const struct scenario *scenario_find(const char *name);

/* A world in which this scenario's boots run. */
void scenario_prepare(const struct scenario *scenario, struct world *world);
