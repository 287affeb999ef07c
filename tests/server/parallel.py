#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""parallel.py PORT NAME CA PATH BODY_FILE COUNT: the same POST on COUNT connections at once.

All connections have done their handshake before the first byte of a request leaves. Prints "STATUS COUNT" for each
status, in order; a connection without an answer counts as 000.
"""
import collections
import socket
import ssl
import sys
import threading


def connect(port, name, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 60), server_hostname=name)


def ask(connection, request, barrier, statuses):
    answer = b""
    barrier.wait()
    try:
        connection.sendall(request)
        while b"\r\n" not in answer:
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
    except OSError:
        answer = b""
    words = answer.split(b" ", 2)
    statuses.append(words[1].decode() if len(words) > 1 else "000")


def main():
    port, name, ca, path, body_file, count = sys.argv[1:]
    with open(body_file, "rb") as file:
        body = file.read()
    context = ssl.create_default_context(cafile=ca)
    connections = [connect(int(port), name, context) for _ in range(int(count))]
    request = (f"POST {path} HTTP/1.1\r\nHost: {name}\r\nContent-Type: application/jwk+json\r\n"
               f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body
    barrier = threading.Barrier(len(connections))
    statuses = []
    threads = [threading.Thread(target=ask, args=(connection, request, barrier, statuses)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for status, times in sorted(collections.Counter(statuses).items()):
        print(status, times)


main()
