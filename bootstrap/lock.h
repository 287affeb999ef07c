/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One panocrypt-bootstrap at a time changes this machine: flock(2) on /run/panocrypt.lock, held
 * until the process ends. Looking needs no lock.
 */
#pragma once

#include "common/base.h"

enum lock_outcome { LOCK_BUSY = 1 };

/* 0: this process has it now (also when it had it before). LOCK_BUSY: another one has. */
int lock_take(void) MUST_CHECK;

/* Does another process hold it? Writes nothing. */
bool lock_is_held_elsewhere(void);
