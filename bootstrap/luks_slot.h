/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One question about a single keyslot: does it stand in two headers with the same bytes?
 */
#pragma once

#include "bootstrap/luks.h"

/* 1: key material and its description are the same in both headers; 0: not; negative: can't look.
 */
int luks_slot_same(const char *header_a, const char *header_b, int slot) MUST_CHECK;
