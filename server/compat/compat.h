/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "panocryptd compat": tangd's command line over a folder of tangd's keys, to show that the wire is
 * the same. One process that holds keys and reads foreign bytes, hence for loopback and for tests
 * alone: no device, no policy, no audit.
 */
#pragma once

/* argv[0] is the verb; an exit status. */
int compat_main(int argc, char **argv);
