/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A chunk that a power cut left half-written, finished before anybody activates the volume. The
 * distribution's library does it, too, when it activates; but with the last chunk it destroys what
 * the chunk is made of, or the old key's slots, before the header says that it is done: a second
 * cut there would lose data, or the way in (docs/power-cut.md). Ours doesn't.
 */
#pragma once

#include "bootstrap/luks.h"

enum hot_chunk_outcome { HOT_CHUNK_FINISHED = 1 };

/* 0 where none was cut. The volume must not be active. -EPERM when the passphrase doesn't open all
 * the keys that it takes. After a failure it can be done again, by whoever. */
int hot_chunk_finish(const struct luks_where *where, const struct secret *passphrase) MUST_CHECK;
