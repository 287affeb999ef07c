/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growth services: cloud-init's growpart and systemd-growfs would grow the partition or the
 * filesystem in mid-conversion and eat the room that the header and the parked head need. Held back
 * by `initramfs`, let go by `grow`.
 */
#pragma once

#include "bootstrap/phase.h"

int growth_lock(struct job *job) MUST_CHECK;
int growth_unlock(struct job *job) MUST_CHECK;

/* Something of it still holds them back. */
bool growth_is_held(const struct job *job);
