#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# raw_search.py DISK [START END]: looks on a raw disk, in every byte that isn't a hole, for the patterns on standard input (hexadecimal
# digits, one a line), and prints "OFFSET PATTERN" for each place outside START … END (bytes). Says at the end, on standard error,
# how much it has read.

import os
import sys

STEP = 16 << 20


def extents(fd):
    at, size = 0, os.fstat(fd).st_size
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole is left
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def hits(fd, start, end, patterns, overlap):
    at = start
    while at < end:
        data = os.pread(fd, min(STEP + overlap, end - at), at)
        for pattern in patterns:
            found = data.find(pattern)
            while 0 <= found < STEP:
                yield at + found, pattern
                found = data.find(pattern, found + 1)
        at += STEP


def main():
    skip_start, skip_end = map(int, sys.argv[2:4]) if len(sys.argv) > 2 else (0, 0)
    patterns = [bytes.fromhex(line) for line in sys.stdin.read().split()]
    if not patterns or min(map(len, patterns)) < 8:
        sys.exit("no patterns, or one of less than 8 bytes")
    overlap = max(map(len, patterns)) - 1
    fd = os.open(sys.argv[1], os.O_RDONLY)
    read = 0
    for start, end in extents(fd):
        read += end - start
        for offset, pattern in hits(fd, start, end, patterns, overlap):
            if not skip_start <= offset < skip_end:
                print(offset, pattern.hex())
    print(f"{read} bytes read", file=sys.stderr)


main()
