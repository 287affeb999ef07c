#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# trouble.py KIND PORT CERT KEY: a server that isn't one, on 127.0.0.1.
#   silent   takes connections and never says a word (no TLS)
#   hang     finishes the TLS handshake, takes the request, never answers
#   garbage  answers every request with 200 and random bytes
# Prints "ready" once it listens.

import os
import socket
import ssl
import sys
import threading


def answer(kind, client, context):
    if kind == "silent":
        threading.Event().wait()
    with context.wrap_socket(client, server_side=True) as tls:
        tls.recv(65536)
        if kind == "hang":
            threading.Event().wait()
        body = os.urandom(512)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 512\r\n\r\n" + body)


def attempt(*args):
    try:
        answer(*args)
    except OSError:
        pass


def main():
    kind, port, cert, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=attempt, args=(kind, client, context), daemon=True).start()


main()
