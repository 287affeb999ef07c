/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of --free-space. Pure.
 */
#include "bootstrap/free_space.h"

#include <string.h>

static const struct free_space table[] = {
	{ "zero", FREE_SPACE_ZERO, "zeros are written over it" },
	{ "random", FREE_SPACE_RANDOM, "random bytes are written over it" },
	{ "discard", FREE_SPACE_DISCARD, "the device is told to forget it, and may keep it" },
	{ "keep", FREE_SPACE_KEEP, "it stays readable" },
};

const struct free_space *free_space_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}
