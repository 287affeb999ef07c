/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lets a conversion go on after a reboot: a copy of this program in INSTALL_DIR and a systemd
 * unit that calls it. Both are gone after `leave` or `undo`.
 */
#pragma once

#include "common/base.h"

#define INSTALL_PROGRAM "/usr/lib/panocrypt/panocrypt-bootstrap"
#define INSTALL_UNIT "panocrypt-convert.service"
#define INSTALL_UNIT_PATH "/etc/systemd/system/" INSTALL_UNIT

/* Copies the running program and enables the unit; does nothing where both stand. */
int install_self(void) MUST_CHECK;

/* Removes both; may be called by the unit itself. 0 when there was nothing. */
int install_remove(void) MUST_CHECK;
