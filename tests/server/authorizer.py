#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""authorizer.py FOLDER: an external authorizer on a free port of 127.0.0.1, as docs/authorizer.md describes one, and all
that can be wrong with one. Needs nothing but Python and openssl.

FOLDER has cert.pem (chain and key), key.pem (EC; signs answers), wrong.pem (another), alg (of their curve), server.pem (the
public key of the server's questions) and mode: how to answer. Writes port; asked, a line of JSON a question; verified, a
line for each whose signature was right (looked at behind the answer, which is waited for); log.
"""
import base64
import ctypes
import hashlib
import json
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(sys.argv[1])
WIDTH = {"ES256": 32, "ES384": 48, "ES512": 66}
HASH = {"ES256": "sha256", "ES384": "sha384", "ES512": "sha512"}
lock = threading.Lock()
earlier = {}  # mode "replay": the first answer


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def from_der(der, width):
    """ECDSA's two numbers, out of the form that openssl writes."""
    at = 3 if der[1] & 0x80 else 2
    numbers = []
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + size], "big"))
        at += 2 + size
    return b"".join(number.to_bytes(width, "big") for number in numbers)


def to_der(raw):
    def number(data):
        data = data.lstrip(b"\0") or b"\0"
        data = (b"\0" if data[0] & 0x80 else b"") + data
        return b"\x02" + bytes([len(data)]) + data
    half = len(raw) // 2
    body = number(raw[:half]) + number(raw[half:])
    return b"\x30" + (b"\x81" if len(body) > 127 else b"") + bytes([len(body)]) + body


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def function(name, result, *arguments):
    found = getattr(crypto, name)
    found.restype, found.argtypes = result, arguments
    return found


# In this process: the server waits for 3 s only, and starting a program may take as long on a busy machine.
crypto = ctypes.CDLL("libcrypto.so.3")
POINTER = ctypes.c_void_p
memory = function("BIO_new_mem_buf", POINTER, ctypes.c_char_p, ctypes.c_int)
read_key = function("PEM_read_bio_PrivateKey", POINTER, POINTER, POINTER, POINTER, POINTER)
new_context = function("EVP_MD_CTX_new", POINTER)
digest = function("EVP_get_digestbyname", POINTER, ctypes.c_char_p)
sign_init = function("EVP_DigestSignInit", ctypes.c_int, POINTER, POINTER, POINTER, POINTER, POINTER)
sign_all = function("EVP_DigestSign", ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t),
                    ctypes.c_char_p, ctypes.c_size_t)


def sign(header, payload, key, alg):
    text = b64(header.encode()) + "." + b64(payload.encode())
    pem = (HERE / key).read_bytes()
    context, out, size = new_context(), ctypes.create_string_buffer(256), ctypes.c_size_t(256)
    assert sign_init(context, None, digest(HASH[alg].encode()), None, read_key(memory(pem, len(pem)), None, None, None)) == 1
    assert sign_all(context, out, ctypes.byref(size), text.encode(), len(text)) == 1
    return text + "." + b64(from_der(out.raw[:size.value], WIDTH[alg]))


def verify(text):
    """Has the server signed this question?"""
    header, payload, signature = text.split(".")
    path = HERE / (hashlib.sha256(text.encode()).hexdigest() + ".sig")
    path.write_bytes(to_der(unb64(signature)))
    openssl("dgst", "-sha512", "-verify", str(HERE / "server.pem"), "-signature", str(path),
            data=f"{header}.{payload}".encode())
    path.unlink()


def answer_to(question, mode, alg):
    decision = "deny" if mode == "deny" else "allow"
    expires = int(time.time()) + (-5 if mode == "expired" else 60)
    identity = "0" * 32 if mode == "wrong-id" else question["id"]
    payload = f'{{"decision":"{decision}","expires":{expires},"id":"{identity}"}}'
    header = f'{{"alg":"{alg}"}}'
    if mode == "jwt":
        header = f'{{"alg":"{alg}","typ":"JWT"}}'
    if mode == "spaces":
        payload = payload.replace(",", ", ")
    if mode == "twice":
        payload = payload.replace('"decision"', '"decision":"deny","decision"', 1)
    if mode == "none":
        return b64(b'{"alg":"none"}') + "." + b64(payload.encode()) + "."
    if mode == "hmac":
        return b64(b'{"alg":"HS256"}') + "." + b64(payload.encode()) + "." + b64(bytes(32))
    text = sign(header, payload, "wrong.pem" if mode == "wrong-key" else "key.pem", alg)
    if mode == "changed":
        deny = payload.replace("allow", "deny ").replace("deny ", "deny")
        text = ".".join([text.split(".")[0], b64(deny.encode()), text.split(".")[2]])
    if mode == "replay":
        with lock:
            text = earlier.setdefault("answer", text)
    return text


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, form, *values):
        with lock, open(HERE / "log", "a") as log:
            print(form % values, file=log)

    def send(self, status, body, location=None):
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        question = json.loads(unb64(text.split(".")[1]))
        question["content_type"] = self.headers["Content-Type"]
        question["path"] = self.path
        with lock, open(HERE / "asked", "a") as asked:
            print(json.dumps(question), file=asked)
        self.answer(question, (HERE / "mode").read_text().strip())
        verify(text)
        with lock, open(HERE / "verified", "a") as verified:
            print(question["id"], file=verified)

    def answer(self, question, mode):
        if mode == "late":
            time.sleep(4)  # longer than the server waits
        while mode in ("silent", "wait") and not (HERE / "go").exists():
            time.sleep(0.05)  # between two looks for the file
        if mode in ("silent", "drip"):
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            for _ in range(50 if mode == "drip" else 0):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)  # a byte at a time, for longer than the server waits
        elif mode == "redirect":
            self.send(302, b"", f"https://127.0.0.1:{self.server.server_port}/elsewhere")
        elif mode == "error":
            self.send(500, b"no")
        elif mode == "garbage":
            self.send(200, b"yes, of course\n")
        elif mode == "empty":
            self.send(200, b"")
        elif mode == "huge":
            self.send(200, b"x" * (64 << 20))
        else:
            self.send(200, answer_to(question, mode, (HERE / "alg").read_text().strip()).encode() + b"\n")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        with lock, open(HERE / "log", "a") as log:
            print("error:", sys.exc_info()[1], file=log)


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(HERE / "cert.pem")
# Handshakes in the threads of their requests, so that nobody waits for another's.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
(HERE / "port.new").write_text(str(server.server_port))
(HERE / "port.new").rename(HERE / "port")
server.serve_forever()
