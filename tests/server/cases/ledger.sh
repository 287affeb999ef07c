#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The client's ledger, small: tests/fault/ledger.sh. "make check-fault" runs it large.
set -u
REQUESTS=1500 exec "$(dirname "$0")/../../fault/ledger.sh"
