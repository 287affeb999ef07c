/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts that facts_collect() puts together. Each fills its members and leaves the others alone;
 * none writes, none fails: what can't be seen stays zero, and `plan` refuses for want of it.
 */
#pragma once

#include "bootstrap/facts.h"

void facts_look_host(struct facts *facts);    /* who we are, tools, kernels */
void facts_look_storage(struct facts *facts); /* root, its disk, /boot, what else is mounted */
void facts_look_ciphers(struct facts *facts); /* behind facts_look_host(); seconds without AES */
void facts_look_layout(struct facts *facts);  /* where in the root files lie; seconds */
void facts_look_state(struct facts *facts, const char *state_dir); /* what we did so far */

/* A whole small file, or "" when it can't be read; the caller frees. Never NULL. */
char *facts_read(const char *path);
