#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The socket work of vm.sh: asks the guest's command channel, types at its console, tells QEMU.
#   guest.py sh SOCKET SECONDS COMMANDS   prints their output, exits with their status
#   guest.py type SOCKET TEXT             types TEXT
#   guest.py qmp SOCKET COMMAND           runs one QMP command
# Exit status 124: no answer in time (as timeout(1) has it); 125: the VM is gone.
# An answer counts only if it carries this very call's random nonce, so that nothing stale, and no
# text on a console, can pass for one.

import base64
import fcntl
import json
import secrets
import socket
import struct
import sys
import termios
import time

TIMED_OUT = 124
GONE = 125


def connect(path, seconds):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(seconds)
    try:
        sock.connect(path)
    except OSError as err:
        print(f"guest.py: {path}: {err}: the VM is not running", file=sys.stderr)
        sys.exit(GONE)
    return sock


def lines(sock, deadline):
    """Complete lines until the deadline."""
    buffered = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        sock.settimeout(left)
        try:
            data = sock.recv(1 << 16)
        except TimeoutError:
            return
        if not data:
            print("guest.py: the VM has ended", file=sys.stderr)
            sys.exit(GONE)
        *whole, buffered = (buffered + data).split(b"\n")
        yield from whole


def run_commands(path, seconds, commands):
    nonce = secrets.token_hex(8)
    deadline = time.monotonic() + seconds
    sock = connect(path, seconds)
    request = f"{nonce} {int(seconds)} {base64.b64encode(commands.encode()).decode()}\n"
    try:
        sock.sendall(request.encode())
        for line in lines(sock, deadline):
            words = line.decode("ascii", "replace").split(" ")
            if len(words) == 3 and words[0] == nonce:
                sys.stdout.buffer.write(base64.b64decode(words[2]))
                sys.stdout.flush()
                return int(words[1])
    except TimeoutError:
        pass
    except ConnectionError:
        return GONE
    return TIMED_OUT


def run_qmp(path, command):
    sock = connect(path, 10)
    for step in ("qmp_capabilities", command):
        sock.sendall(json.dumps({"execute": step}).encode() + b"\n")
        for line in lines(sock, time.monotonic() + 10):
            answer = json.loads(line)
            if "return" in answer:
                break
            if "error" in answer:
                print(f"guest.py: {step}: {answer['error']['desc']}", file=sys.stderr)
                return 1
        else:
            return TIMED_OUT
    return 0


def type_text(path, text):
    """The serial port takes 16 bytes at a time, and QEMU drops what is left when the connection closes."""
    sock = connect(path, 10)
    sock.sendall(text.encode())
    deadline = time.monotonic() + 60
    while struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
        if time.monotonic() > deadline:
            return TIMED_OUT
        time.sleep(0.05)  # until the guest has read it all
    return 0


def main(verb, path, *rest):
    if verb == "sh":
        return run_commands(path, float(rest[0]), rest[1])
    if verb == "qmp":
        return run_qmp(path, rest[0])
    return type_text(path, rest[0])


sys.exit(main(*sys.argv[1:]))
