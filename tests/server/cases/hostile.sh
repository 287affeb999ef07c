#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real core asked by a front that an intruder runs: what it answers is among what an oracle of its own allows
# (tests/fault/hostile.c). HOSTILE_MESSAGES, HOSTILE_SEED.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

hostile=$test_root/build/tests/fault/hostile
[ -x "$hostile" ] || die "build/tests/fault/hostile is missing: run make test-programs"
store_make
[ "$test_store" = sqlite ] || export PANOCRYPT_TEST_STORE=$store_url
messages=${HOSTILE_MESSAGES:-50000}
seed=${HOSTILE_SEED:-$(($(random_hex 3 | sed 's/^/0x/')))}
if line=$("$hostile" "$messages" "$seed"); then
	ok "$line"
else
	not_ok "$line; again: HOSTILE_MESSAGES=$messages HOSTILE_SEED=$seed TEST_STORE=$test_store tests/server/cases/hostile.sh"
fi
tests_done
