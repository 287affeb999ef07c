#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Six power cuts with a fixed seed: one conversion with them comes to its end with every file. CUT_STAGE is the machine they begin from: in
# make check the one of its conversion, half-way; else a prepared one.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

log=$test_root/build/powercut/six.log
mkdir -p "${log%/*}"
"$test_root/tests/powercut/run" 6 "${SEED:-22}" | tee "$log"
status=${PIPESTATUS[0]}
[ "$status" != 77 ] || exit 77
check "six cuts, none lost" grep -qE '^6 cuts, [0-9]+ of [0-9]+ phases hit, 0 lost$' "$log"
equal "and the run says so" "$status" 0
tests_done
