#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs in the guest: one line for every regular file of the root filesystem (and no other filesystem):
#   sha256 mode uid gid xattrs path
# Sorted by path. Files that vanish while it looks are left out.

import hashlib
import os
import stat
import sys


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def xattrs(path):
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return ",".join(f"{n}={os.getxattr(path, n, follow_symlinks=False).hex()}" for n in names) or "-"


def walk(root):
    device = os.lstat(root).st_dev
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if os.lstat(os.path.join(folder, f)).st_dev == device]
        for name in files:
            path = os.path.join(folder, name)
            try:
                info = os.lstat(path)
                if stat.S_ISREG(info.st_mode) and info.st_dev == device:
                    yield path, f"{digest(path)} {info.st_mode:o} {info.st_uid} {info.st_gid} {xattrs(path)}"
            except FileNotFoundError:
                pass


def main():
    for path, line in sorted(walk("/")):
        sys.stdout.write(f"{line} {path}\n")


main()
