/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `rotate` has to do next, by the header alone. Pure.
 *
 *	data under	reencrypting	slots			step
 *	first key	by `encrypt`	-			not yet (-EBUSY)
 *	first key	no		0 1 of it, 2 3 of next	begin
 *	first key	no		one of 2 3 is missing	-ENOKEY: it would open no more
 *	first key	no		others of it		-EEXIST: they would open no more
 *	both		yes		-			go on
 *	next key	no		of the first, or a	tidy
 *					token without a slot
 *	next key	no		2 3 of it		done
 */
#pragma once

#include "bootstrap/luks.h"

enum rotate_step { ROTATE_BEGIN, ROTATE_GO_ON, ROTATE_TIDY, ROTATE_DONE };

int rotate_decide(const struct luks_status *status, enum rotate_step *ret) MUST_CHECK;
