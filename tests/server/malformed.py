#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""malformed.py PORT ADMIN_PORT CA DEVICE KID TOKEN: odd and malformed requests over raw TLS connections.

Each must be answered with an error or closed, soon; never 200, never a hang. Prints "ok …" and "not ok …" lines.
"""
import contextlib
import json
import socket
import ssl
import sys
import time

PORT, ADMIN_PORT, CA, DEVICE, KID, TOKEN = sys.argv[1:]
NAME = "unlock.test"
SOON_S = 5
X = "AeO8pMXWvmXKEnYkuCqh6VZoN6wLPLZdhcP0FFFFFFFFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
failures = 0


def verdict(good, name, why=""):
    global failures
    failures += not good
    print(f"{'ok' if good else 'not ok'} {name}" + (f": {why}" if not good else ""))


def connect(port):
    context = ssl.create_default_context(cafile=CA)
    raw = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
    return context.wrap_socket(raw, server_hostname=NAME)


def exchange(port, data):
    """What comes back, and whether the server closed the connection, within 20 s."""
    with connect(port) as tls:
        answer = b""
        start = time.monotonic()
        try:
            tls.sendall(data)
            while chunk := tls.recv(65536):
                answer += chunk
            closed = True
        except (ConnectionError, ssl.SSLError):
            closed = True
        except TimeoutError:
            closed = False
        return answer, closed, time.monotonic() - start


def status_of(answer):
    words = answer.split(b" ", 2)
    return int(words[1]) if answer.startswith(b"HTTP/1.1 ") and words[1].isdigit() else None


def expect(name, port, data, wanted, body_is_empty=True):
    answer, closed, seconds = exchange(port, data)
    status = status_of(answer)
    if answer.count(b"HTTP/1.1 ") > 1:
        verdict(False, name, f"several answers: {answer[:300]}")
    elif not closed or seconds > SOON_S:
        verdict(False, name, f"not closed soon ({seconds:.1f} s, status {status})")
    elif status not in wanted:
        verdict(False, name, f"status {status}, wanted {wanted}")
    elif status and body_is_empty and not (b"\r\nContent-Length: 0\r\n" in answer and answer.endswith(b"\r\n\r\n")):
        verdict(False, name, f"the body isn't empty: {answer}")
    else:
        verdict(True, name)


def post(path, body, extra=b"", length=None):
    body = body if isinstance(body, bytes) else body.encode()
    length = len(body) if length is None else length
    return (f"POST {path} HTTP/1.1\r\nHost: {NAME}\r\n".encode() + extra +
            f"Content-Length: {length}\r\n\r\n".encode() + body)


POINT = {"alg": "ECMR", "crv": "P-521", "kty": "EC", "x": X, "y": X}
REC = f"/d/{DEVICE}/rec/{KID}"
GOOD = json.dumps(POINT)
HOST = f"Host: {NAME}\r\n".encode()


def http_cases():
    """Framing: section by section what a smuggler would try."""
    length = f"Content-Length: {len(GOOD)}\r\n".encode()
    head = f"POST {REC} HTTP/1.1\r\n".encode() + HOST
    body = GOOD.encode()
    chunked = f"{len(GOOD):x}\r\n{GOOD}\r\n0\r\n\r\n".encode()
    yield "two different Content-Length", head + length + b"Content-Length: 4\r\n\r\n" + body, {400}
    yield "two equal Content-Length", head + length + length + b"\r\n" + body, {400}
    yield "Content-Length and chunked", head + length + b"Transfer-Encoding: chunked\r\n\r\n" + chunked, {400}
    yield "chunked", head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked, {400}
    yield "TE: gzip, chunked", head + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked, {400}
    yield "TE: identity", head + length + b"Transfer-Encoding: identity\r\n\r\n" + body, {400}
    yield "signed Content-Length", head + b"Content-Length: +%d\r\n\r\n" % len(body) + body, {400}
    yield "hex Content-Length", head + b"Content-Length: 0x%x\r\n\r\n" % len(body) + body, {400}
    yield "Content-Length 2^64", head + b"Content-Length: 18446744073709551616\r\n\r\n" + body, {400}
    yield "no Content-Length", head + b"\r\n" + body, {400}
    yield "0x chunk size", head + b"Transfer-Encoding: chunked\r\n\r\n0x" + chunked, {400}
    yield "empty header name", head + b": x\r\n" + length + b"\r\n" + body, {400}
    yield "NUL in a header value", head + b"X: a\0b\r\n" + length + b"\r\n" + body, {400}
    yield "NUL in a header name", head + b"X\0Y: a\r\n" + length + b"\r\n" + body, {400}
    yield "space before the colon", head + b"X : a\r\n" + length + b"\r\n" + body, {400}
    yield "two Host", head + HOST + length + b"\r\n" + body, {400}
    yield "no Host", f"POST {REC} HTTP/1.1\r\n".encode() + length + b"\r\n" + body, {400}
    yield "bare LF", (head + length + b"\r\n").replace(b"\r\n", b"\n") + body, {400}
    yield "bare LF inside", head + b"X: a\nY: b\r\n" + length + b"\r\n" + body, {400}
    yield "bare CR inside", head + b"X: a\rY: b\r\n" + length + b"\r\n" + body, {400}
    yield "folded header", head + b"X: a\r\n b\r\n" + length + b"\r\n" + body, {400}
    yield "HTTP/1.2", post(REC, GOOD).replace(b"HTTP/1.1", b"HTTP/1.2"), {505}
    yield "HTTP/2.0", post(REC, GOOD).replace(b"HTTP/1.1", b"HTTP/2.0"), {505}
    yield "HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}
    yield "HTTP/0.9", b"GET /healthz\r\n\r\n", {400}
    yield "no HTTP at all", b"\x16\x03\x01\x00\x05hello", {400}
    yield "HTTP with a wrong name", b"GET / HTTQ/1.1\r\n" + HOST + b"\r\n", {400, 505}
    yield "header above 8 KiB", head + b"X: " + b"a" * 9000 + b"\r\n" + length + b"\r\n" + body, {431}
    yield "a request line above 8 KiB", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {431}
    yield "100 header lines", head + b"X: a\r\n" * 100 + length + b"\r\n" + body, {431}
    yield "percent-encoded path", post(REC.replace("/rec/", "/rec%2f"), GOOD), {404}
    yield "absolute target", post(f"https://{NAME}{REC}", GOOD), {400}
    yield "CONNECT", b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", {400}
    yield "OPTIONS *", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", {400}
    yield "TRACE", f"TRACE {REC} HTTP/1.1\r\n".encode() + HOST + b"\r\n", {405}
    yield "GET with a body", post(f"/d/{DEVICE}/adv", "x").replace(b"POST", b"GET"), {400}
    yield "PUT", post(REC, GOOD).replace(b"POST", b"PUT"), {405}
    yield "HEAD /adv", f"HEAD /d/{DEVICE}/adv HTTP/1.1\r\n".encode() + HOST + b"\r\n", {405}
    yield "Expect", head + b"Expect: 100-continue\r\n" + length + b"\r\n", {417}
    yield "body above 4 KiB", post(REC, GOOD + " " * 4096), {413}
    yield "body said to be 1 GiB", post(REC, "", length=1 << 30), {413, 400}


def body_cases():
    """JSON and JWK."""
    def with_(**changes):
        return json.dumps({**POINT, **changes})

    def without(name):
        return json.dumps({k: v for k, v in POINT.items() if k != name})

    yield "empty body", ""
    yield "not JSON", "hello"
    yield "half of it", GOOD[:len(GOOD) // 2]
    yield "trailing garbage", GOOD + "x"
    yield "two objects", GOOD + GOOD
    yield "an array", f"[{GOOD}]"
    yield "null", "null"
    yield "a duplicate member", GOOD[:-1] + ',"kty":"EC"}'
    yield "not UTF-8", GOOD.encode() + b"\xff"
    yield "NUL inside", GOOD.replace("ECMR", "EC\0R")
    yield "an escaped NUL", GOOD.replace("ECMR", "EC\\u0000R")
    yield "deep nesting", "[" * 4000
    yield "deep nesting in a member", GOOD[:-1] + ',"a":' + "[" * 1500 + "]" * 1500 + "}"
    yield "a huge number", GOOD[:-1] + ',"a":1e999}'
    yield "a private key (d)", with_(d=X)
    yield "a private key, d null", with_(d=None)
    yield "kty RSA", with_(kty="RSA")
    yield "no kty", without("kty")
    yield "alg ES512", with_(alg="ES512")
    yield "alg a number", with_(alg=5)
    yield "key_ops without deriveKey", with_(key_ops=["verify"])
    yield "key_ops a text", with_(key_ops="deriveKey")
    yield "use sig", with_(use="sig")
    yield "curve P-384", with_(crv="P-384")
    yield "curve P-256 with P-521's size", with_(crv="P-256")
    p256 = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    yield "a right P-256 point", with_(crv="P-256", x=p256[0], y=p256[1])
    yield "no crv", without("crv")
    yield "no y", without("y")
    yield "y too short", with_(y=X[:-4])
    yield "y too long", with_(y=X + "AAAA")
    yield "y not base64url", with_(y="!" * len(X))
    yield "a point off the curve", with_()
    yield "the point (0, 0)", with_(x="A" * 88, y="A" * 88)
    yield "coordinates above the field", with_(x="_" * 88, y="_" * 88)


def admin_cases():
    key = f"Authorization: Bearer {TOKEN}\r\n".encode()
    yield "admin: chunked", b"POST /v1/devices HTTP/1.1\r\n" + HOST + key + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}
    yield "admin: two Authorization", b"GET /v1/whoami HTTP/1.1\r\n" + HOST + key + key + b"\r\n", {400}
    yield "admin: token above its size", b"GET /v1/whoami HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + b"a" * 4000 + b"\r\n\r\n", {401}
    yield "admin: Basic", b"GET /v1/whoami HTTP/1.1\r\n" + HOST + b"Authorization: Basic YTph\r\n\r\n", {401}
    yield "admin: bare LF", b"GET /v1/whoami HTTP/1.1\n" + HOST + b"\n", {400}
    yield "admin: no Host", b"GET /v1/whoami HTTP/1.1\r\n" + key + b"\r\n", {400}
    yield "admin: header above 8 KiB", b"GET /v1/whoami HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 9000 + b"\r\n\r\n", {431}
    yield "admin: body above 64 KiB", post("/v1/enrollment-keys", '{"description":"' + "a" * 70000 + '"}', key), {413}
    yield "admin: deep nesting", post("/v1/enrollment-keys", "[" * 60000, key), {400}
    yield "admin: not JSON", post("/v1/enrollment-keys", "hello", key), {400}
    yield "admin: not UTF-8", post("/v1/enrollment-keys", b'{"description":"\xff"}', key), {400}
    yield "admin: a duplicate member", post("/v1/enrollment-keys", '{"max_uses":1,"max_uses":2}', key), {400}
    yield "admin: an encoded path", b"GET /v1%2fwhoami HTTP/1.1\r\n" + HOST + key + b"\r\n", {404}
    yield "admin: DELETE", b"DELETE /v1/devices HTTP/1.1\r\n" + HOST + key + b"\r\n", {405}
    yield "admin: the unlock path", f"GET /d/{DEVICE}/adv HTTP/1.1\r\n".encode() + HOST + b"\r\n", {404}
    yield "the API on the unlock listener", None, None


def broken_tls():
    """Bytes that are no TLS, and ends in the middle."""
    for name, data in (("plain HTTP", b"GET / HTTP/1.1\r\n\r\n"), ("random bytes", bytes(range(256)) * 8),
                       ("a huge record", b"\x16\x03\x01\xff\xff" + b"a" * 70000), ("nothing", b"")):
        for port in (PORT, ADMIN_PORT):
            with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as raw:
                start = time.monotonic()
                try:
                    raw.sendall(data)
                    with contextlib.suppress(OSError):
                        raw.shutdown(socket.SHUT_WR)
                    while raw.recv(4096):
                        pass
                    verdict(time.monotonic() - start < SOON_S, f"no TLS: {name}", "slow")
                except ConnectionError:
                    verdict(True, f"no TLS: {name}")
                except TimeoutError:
                    verdict(False, f"no TLS: {name}", "hangs")


def cut_off():
    """The client goes away in the middle of a request."""
    data = post(REC, GOOD)
    for at in (0, 1, 20, len(data) // 2, len(data) - 1):
        tls = connect(PORT)
        tls.sendall(data[:at])
        tls.close()
    verdict(True, "clients that go away are survived")


def keep_alive():
    """Two requests in one go are answered one after the other, on one connection."""
    request = f"GET /d/{DEVICE}/adv HTTP/1.1\r\n".encode() + HOST
    answer, _, seconds = exchange(PORT, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    verdict(answer.count(b"HTTP/1.1 200 OK") == 2 and seconds < SOON_S, "pipelined requests", answer[:200])
    answer, closed, _ = exchange(PORT, request + b"X : a\r\n\r\n" + request + b"\r\n")
    verdict(status_of(answer) == 400 and closed and answer.count(b"HTTP/1.1") == 1,
            "nothing is read behind a malformed request", answer[:200])


def old_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CA)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection(("127.0.0.1", int(PORT)), timeout=20) as raw:
            context.wrap_socket(raw, server_hostname=NAME)
        verdict(False, "TLS 1.1 is refused")
    except (ssl.SSLError, ConnectionError):
        verdict(True, "TLS 1.1 is refused")


def main():
    for name, data, wanted in http_cases():
        expect(name, PORT, data, wanted)
    for name, body in body_cases():
        expect(name, PORT, post(REC, body), {400})
        expect(name + ", for an unknown device", PORT, post(REC.replace(DEVICE, "0" * 32), body), {400})
    for name, data, wanted in admin_cases():
        if data:
            expect(name, ADMIN_PORT, data, wanted, body_is_empty=False)
    expect("the API on the unlock listener", PORT, b"GET /v1/whoami HTTP/1.1\r\n" + HOST + b"\r\n", {404})
    broken_tls()
    cut_off()
    keep_alive()
    old_tls()
    return 1 if failures else 0


sys.exit(main())
