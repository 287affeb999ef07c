/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is this the machine that was enrolled? A disk that was cloned, or moved, in mid-conversion comes
 * up on other hardware, with the same device id and the same keys as the first one's. Pure.
 */
#pragma once

#include "bootstrap/facts.h"
#include "bootstrap/intent.h"

/* True when firmware's word for the machine (DMI product UUID) has changed since the intent was
 * made; false where one of them isn't known. */
bool is_elsewhere(const struct intent *intent, const struct facts *facts);

/* What to say of it. */
#define ELSEWHERE_TEXT                                                                             \
	"this disk was enrolled on another machine: moved, or cloned? Two machines with one "      \
	"device id and one volume key can't be told apart by the server"
