/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder with all that is below it.
 */
#pragma once

#include "common/base.h"

/* Removes it; links are removed, not followed, and no other filesystem is entered. A missing one is
 * 0. Not durable: a power cut may bring back any part. */
int tree_remove(const char *path) MUST_CHECK;
