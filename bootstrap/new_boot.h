/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The partition that becomes /boot: the old plaintext in it is destroyed, then it gets its
 * filesystem. Knows no mount and no file.
 */
#pragma once

#include "bootstrap/intent.h"

/* Makes the filesystem of intent->boot_uuid on the device, unless it is there. Cut, it begins again
 * from its start: that UUID is only written when all that was there before is destroyed, durably.
 */
int new_boot_make(const struct intent *intent, const char *device) MUST_CHECK;
