#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# compare.py BEFORE AFTER EXCEPTIONS PACKAGED: two manifests of manifest.py. A difference is allowed only under a
# pattern of EXCEPTIONS (at most 20, each with a reason) or, for files that were added, if PACKAGED (a list of
# paths that installed packages own) names it. Prints every other difference and fails.

import fnmatch
import sys

MOST_EXCEPTIONS = 20


def manifest(path):
    rows = {}
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            *facts, name = line.rstrip("\n").split(" ", 5)
            rows[name] = facts
    return rows


def exceptions(path):
    patterns = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                pattern, _, reason = line.strip().partition("\t")
                if not reason.strip():
                    sys.exit(f"compare.py: exception without a reason: {pattern}")
                patterns.append(pattern)
    if len(patterns) > MOST_EXCEPTIONS:
        sys.exit(f"compare.py: {len(patterns)} exceptions, {MOST_EXCEPTIONS} are allowed")
    return patterns


def main():
    before, after = manifest(sys.argv[1]), manifest(sys.argv[2])
    patterns = exceptions(sys.argv[3])
    with open(sys.argv[4], encoding="utf-8", errors="surrogateescape") as file:
        packaged = {line.rstrip("\n") for line in file}
    if len(before) < 5000:
        sys.exit(f"compare.py: only {len(before)} files before: that is no root filesystem")
    wrong = 0
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name) or any(fnmatch.fnmatchcase(name, p) for p in patterns):
            continue
        if name not in before and (name in packaged or "/usr" + name in packaged or name.removeprefix("/usr") in packaged):
            continue
        kind = "added" if name not in before else "lost" if name not in after else "changed"
        print(f"{kind}: {name}: {before.get(name)} -> {after.get(name)}")
        wrong += 1
    same = sum(1 for name in before if before[name] == after.get(name))
    print(f"{same} of {len(before)} files are the same, {wrong} differ without an excuse")
    sys.exit(1 if wrong else 0)


main()
