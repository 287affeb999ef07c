/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door to libkmod: is a module (or built-in) there for a kernel, and loading it.
 */
#pragma once

#include "common/base.h"

/* kernel NULL: the running one. */
int kmods_has(const char *kernel, const char *module, bool *ret) MUST_CHECK;
int kmods_load(const char *module) MUST_CHECK;
