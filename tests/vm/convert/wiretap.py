#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# wiretap.py CERT KEY LOG LISTEN:TARGET…: sits between the guest and the server with the server's own leaf
# certificate and writes down everything that goes through, decrypted: the tests search it for secrets.
# Each side is a TLS connection of its own; ports are on 127.0.0.1.

import socket
import ssl
import sys
import threading


def pump(source, sink, log, lock):
    try:
        while data := source.recv(65536):
            with lock:
                log.write(data)
                log.flush()
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(client, target, contexts, log, lock):
    try:
        outer = contexts[0].wrap_socket(client, server_side=True)
        inner = contexts[1].wrap_socket(socket.create_connection(("127.0.0.1", target)))
    except OSError:
        client.close()
        return
    pair = [threading.Thread(target=pump, args=(a, b, log, lock)) for a, b in ((outer, inner), (inner, outer))]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()
    outer.close()
    inner.close()


def serve(listener, target, contexts, log, lock):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=relay, args=(client, target, contexts, log, lock), daemon=True).start()


def main():
    cert, key, log_path, *ports = sys.argv[1:]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    # The other end is the server under test, on loopback: whom it is we know, what it says we log.
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    lock = threading.Lock()
    with open(log_path, "ab") as log:
        for pair in ports:
            listen, target = map(int, pair.split(":"))
            listener = socket.create_server(("127.0.0.1", listen), backlog=64)
            threading.Thread(target=serve, args=(listener, target, (server, client), log, lock), daemon=True).start()
        print("tapping", flush=True)
        threading.Event().wait()


main()
