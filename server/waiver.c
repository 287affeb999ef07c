/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words for what a waiver names: they are the names of the rules.
 */
#include "server/waiver.h"

#include <string.h>

static const struct {
	unsigned bit;
	const char *name;
} words[] = {
	{ WAIVES_DISABLED, "disabled" },     { WAIVES_ABSENCE, "absence" },
	{ WAIVES_APPROVAL, "approval" },     { WAIVES_SOURCE, "source" },
	{ WAIVES_QUARANTINE, "quarantine" },
};

const char *waived_name(unsigned bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].bit == bit)
			return words[i].name;
	return NULL;
}

unsigned waived_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].name, name) == 0)
			return words[i].bit;
	return 0;
}
