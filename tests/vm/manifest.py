#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs in a guest: prints a line for every file of the root filesystem and of /boot, sorted by path,
# to be compared with another time's. Fields, by tabs: type, mode, uid:gid, SHA-256 of a regular
# file's content or target of a link, extended attributes, path. Reads only.

import hashlib
import os
import stat
import sys

KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
}


def content(path, info):
    if stat.S_ISLNK(info.st_mode):
        return repr(os.readlink(path))
    if not stat.S_ISREG(info.st_mode):
        return "-"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def attributes(path):
    names = sorted(os.listxattr(path, follow_symlinks=False))
    values = [f"{name}={os.getxattr(path, name, follow_symlinks=False).hex()}" for name in names]
    return ",".join(values) or "-"


def line(path):
    info = os.lstat(path)
    owner = f"{info.st_uid}:{info.st_gid}"
    return "\t".join((KINDS[stat.S_IFMT(info.st_mode)], f"{stat.S_IMODE(info.st_mode):04o}", owner,
                      content(path, info), attributes(path), repr(path)[1:-1]))


def walk(top, devices):
    yield top
    with os.scandir(top) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.stat(follow_symlinks=False).st_dev in devices:
                    yield from walk(entry.path, devices)
            else:
                yield entry.path


def main():
    devices = {os.stat("/").st_dev, os.stat("/boot").st_dev}
    for path in sorted(walk("/", devices)):
        try:
            print(line(path))
        except FileNotFoundError:
            pass  # gone since it was listed
    sys.stdout.flush()


main()
