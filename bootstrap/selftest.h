/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocrypt-bootstrap --self-test: uses each library for real, on files of its own, so that a
 * static program proves on a foreign machine that all of it got linked and works there.
 */
#pragma once

/* Prints one line a check: "ok NAME", "ok NAME: detail", "skip NAME: why" or "FAIL NAME: why".
 * Returns 0 when nothing failed, else 1. Works in a scratch folder under /tmp, /run or /, which it
 * removes; needs /dev/urandom and 128 MiB of sparse files. Touches nothing else. */
int selftest_run(void);
