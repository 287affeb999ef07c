#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""compat_table.py TANGD OURS FOLDER: the same requests to Debian's tangd and to ours, from the same folder of keys.

Each row says what tangd answers and, where ours differs on purpose, what ours answers and why. tangd is asked every
time: a row that isn't true of it fails too. FOLDER needs jose, and holds what compat.sh has made: sig, exc, .old-sig,
.old-exc, .p256, and beside it client.pub (a public exchange key), client (its private half).
"""
import json
import shlex
import subprocess
import sys

TANGD, OURS, FOLDER = sys.argv[1:]
CLOSED = None  # no answer: the connection ends


def jose(*words, stdin=None):
    return subprocess.run(["jose", *words], input=stdin, check=True, capture_output=True, text=True).stdout.strip()


def thumbprint(name, alg="S256"):
    return jose("jwk", "thp", "-i", f"{FOLDER}/{name}.jwk", "-a", alg)


SIG, EXC, OLD_SIG, OLD_EXC = (thumbprint(name) for name in ("sig", "exc", ".old-sig", ".old-exc"))
CLIENT = json.load(open(f"{FOLDER}/../client.pub", encoding="utf-8"))
PRIVATE = json.load(open(f"{FOLDER}/../client", encoding="utf-8"))
GOOD = {key: CLIENT[key] for key in ("kty", "crv", "x", "y")} | {"alg": "ECMR"}
P256 = json.loads(jose("jwk", "pub", "-i-", stdin=jose("jwk", "gen", "-i", '{"kty":"EC","crv":"P-256"}')))
UNKNOWN = "A" * 43


def raw(line, headers=(), body=b""):
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1") + body


def ask(method, path, body=b"", headers=("Host: x",), version="HTTP/1.1"):
    length = [f"Content-Length: {len(body)}"] if body or method in ("POST", "PUT") else []
    return raw(f"{method} {path} {version}", [*headers, *length], body)


def rec(jwk, path=None, headers=("Host: x", "Content-Type: application/jwk+json"), tail=b""):
    body = jwk if isinstance(jwk, bytes) else json.dumps(jwk).encode()
    return ask("POST", path or f"/rec/{EXC}", body + tail, headers)


def but(**changes):
    return {key: value for key, value in (GOOD | changes).items() if value is not None}


def chunked(body, size=None):
    return raw(f"POST /rec/{EXC} HTTP/1.1", ["Host: x", "Transfer-Encoding: chunked"],
               (size or f"{len(body):x}").encode() + b"\r\n" + body + b"\r\n0\r\n\r\n")


def odd(*headers, line=None, length=True, body=None):
    """A good recovery request, with something odd in its header."""
    body = json.dumps(GOOD).encode() if body is None else body
    lengths = [f"Content-Length: {len(body)}"] if length else []
    return raw(line or f"POST /rec/{EXC} HTTP/1.1", [*headers, *lengths], body)


BODY = json.dumps(GOOD).encode()
NO_ORACLE = "one answer to whatever a request's key is wrong in"
LEAK = "a client that sends its private key has leaked it"
ONE_READING = "what two programs in a row could read in two ways is refused"
FRAMING = "bodies have a length: nobody needs chunks, and they can be read in two ways"
SMALL = "no request of Clevis is near the cap"

# name, request, what tangd answers, [what ours answers, why]
WIRE = [
    ("advertisement", ask("GET", "/adv"), 200),
    ("with a slash", ask("GET", "/adv/"), 200),
    ("with two slashes", ask("GET", "//adv"), 200),
    ("slashes around", ask("GET", "//adv//"), 200),
    ("by its signing key", ask("GET", f"/adv/{SIG}"), 200),
    ("by its signing key, S1", ask("GET", f"/adv/{thumbprint('sig', 'S1')}"), 200),
    ("by its signing key, S224", ask("GET", f"/adv/{thumbprint('sig', 'S224')}"), 200),
    ("by its signing key, S384", ask("GET", f"/adv/{thumbprint('sig', 'S384')}"), 200),
    ("by its signing key, S512", ask("GET", f"/adv//{thumbprint('sig', 'S512')}"), 200),
    ("by a hidden signing key", ask("GET", f"/adv/{OLD_SIG}"), 200),
    ("by its exchange key", ask("GET", f"/adv/{EXC}"), 404),
    ("by a hidden exchange key", ask("GET", f"/adv/{OLD_EXC}"), 404),
    ("by a key that isn't", ask("GET", f"/adv/{UNKNOWN}"), 404),
    ("by other characters", ask("GET", "/adv/a.b"), 404),
    ("by a key and a slash", ask("GET", f"/adv/{SIG}/"), 404),
    ("a query", ask("GET", "/adv?x=1"), 404),
    ("HEAD", ask("HEAD", "/adv"), 405),
    ("POST to it", ask("POST", "/adv"), 405),
    ("PUT to it", ask("PUT", "/adv"), 405),
    ("another word", ask("GET", "/advx"), 404),
    ("in capitals", ask("GET", "/ADV"), 404),
    ("escaped", ask("GET", "/%61dv"), 404),
    ("the root", ask("GET", "/"), 404),
    ("anything else", ask("GET", "/healthz"), 404),
    ("advertisement by HTTP/1.0", ask("GET", "/adv", version="HTTP/1.0", headers=()), 200),

    ("recovery", rec(GOOD), 200),
    ("slashes before recovery", rec(GOOD, f"//rec//{EXC}"), 200),
    ("recovery by S1", rec(GOOD, f"/rec/{thumbprint('exc', 'S1')}"), 200),
    ("recovery by S512", rec(GOOD, f"/rec/{thumbprint('exc', 'S512')}"), 200),
    ("recovery with a hidden key", rec(GOOD, f"/rec/{OLD_EXC}"), 200),
    ("recovery with a signing key", rec(GOOD, f"/rec/{SIG}"), 403),
    ("recovery with a key that isn't", rec(GOOD, f"/rec/{UNKNOWN}"), 404),
    ("recovery with no key", rec(GOOD, "/rec"), 404),
    ("recovery with a slash", rec(GOOD, "/rec/"), 404),
    ("recovery with a slash at the end", rec(GOOD, f"/rec/{EXC}/"), 404),
    ("recovery by GET", ask("GET", f"/rec/{EXC}"), 405),
    ("recovery by PUT", ask("PUT", f"/rec/{EXC}", BODY), 405),
    ("GET of nothing", ask("GET", "/rec"), 404),
    ("no content type", rec(GOOD, headers=("Host: x",)), 200),
    ("text/plain", rec(GOOD, headers=("Host: x", "Content-Type: text/plain")), 200),
    ("a newline at the end", rec(GOOD, tail=b"\n"), 200),
    ("no alg", rec(but(alg=None)), 200),
    ("key_ops deriveKey", rec(but(key_ops=["deriveKey"])), 200),
    ("use enc", rec(but(use="enc")), 403, 200, "RFC 7517 has enc for agreeing on keys too"),
    ("members that nobody knows", rec(but(kid="x", x5t="y")), 200),
    ("no body", rec(b""), 400),
    ("not JSON", rec(b"hello"), 400),
    ("garbage behind", rec(GOOD, tail=b"x"), 400),
    ("an array", rec(b"[1]"), 400),
    ("kty RSA", rec(but(kty="RSA")), 400),
    ("no kty", rec(but(kty=None)), 400),
    ("alg ES512", rec(but(alg="ES512")), 400),
    ("another curve", rec(P256 | {"alg": "ECMR"}), 400),
    ("a key on another curve", rec(P256 | {"alg": "ECMR"}, f"/rec/{thumbprint('.p256')}"), 200, 403,
     "not offered: P-521 is what tangd makes"),
    ("a point off the curve", rec(but(y=GOOD["x"])), 400),
    ("no y", rec(but(y=None)), 400),
    ("key_ops sign", rec(but(key_ops=["sign"])), 403, 400, NO_ORACLE),
    ("use sig", rec(but(use="sig")), 403, 400, NO_ORACLE),
    ("a bad body to a key that isn't", rec(b"hello", f"/rec/{UNKNOWN}"), 400),
    ("a private key", rec(PRIVATE), 200, 400, LEAK),
    ("a path of 5,000 bytes", ask("GET", "/adv/" + "a" * 5000), 414, 404, "the header's cap is 8 KiB, and the path is "
     "part of it"),
    ("a path of 3,000 bytes", ask("GET", "/adv/" + "a" * 3000), 404),
    ("a body of 5,000 bytes", rec(GOOD, tail=b" " * 5000), 200, 413, SMALL),
    ("a body of 70,000 bytes", rec(GOOD, tail=b" " * 70000), 413),
    ("chunks", chunked(BODY), 200, 400, FRAMING),
    ("two requests in one write", ask("GET", "/adv") + rec(GOOD), 200),
]

ODD = [
    ("no Host", odd(), 200, 400, ONE_READING),
    ("two Hosts", odd("Host: x", "Host: y"), 200, 400, ONE_READING),
    ("two lengths, equal", odd("Host: x", f"Content-Length: {len(BODY)}"), CLOSED, 400, "an answer helps who debugs"),
    ("two lengths, different", odd("Host: x", "Content-Length: 3"), CLOSED, 400, "an answer helps who debugs"),
    ("length and chunks", odd("Host: x", "Transfer-Encoding: chunked"), CLOSED, 400, "an answer helps who debugs"),
    ("gzip, chunked", raw(f"POST /rec/{EXC} HTTP/1.1", ["Host: x", "Transfer-Encoding: gzip, chunked"],
                          f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"), 200, 400, FRAMING),
    ("a chunk of 0x…", chunked(BODY, f"0x{len(BODY):x}"), CLOSED, 400, FRAMING),
    ("length with a sign", odd("Host: x", f"Content-Length: +{len(BODY)}", length=False), CLOSED, 400,
     "an answer helps who debugs"),
    ("negative length", odd("Host: x", "Content-Length: -1", length=False), CLOSED, 400, "an answer helps who debugs"),
    ("a length of 30 digits", odd("Host: x", f"Content-Length: {'9' * 30}", length=False), CLOSED, 400,
     "an answer helps who debugs"),
    ("no length", odd("Host: x", length=False, body=b""), 400),
    ("empty header name", odd("Host: x", ": y"), CLOSED, 400, "an answer helps who debugs"),
    ("header without colon", odd("Host: x", "nonsense"), CLOSED, 400, "an answer helps who debugs"),
    ("NUL in a value", odd("Host: x", "A: b\0c"), CLOSED, 400, "an answer helps who debugs"),
    ("space before the colon", odd("Host: x", "A : b"), 200, 400, ONE_READING),
    ("folded line", odd("Host: x", "A: b", " c"), 200, 400, ONE_READING),
    ("bare line feeds", odd("Host: x").replace(b"\r\n", b"\n"), 200, 400, ONE_READING),
    ("escaped slash", odd("Host: x", line=f"POST /rec%2f{EXC} HTTP/1.1"), 404),
    ("HTTP/1.2", odd("Host: x", line=f"POST /rec/{EXC} HTTP/1.2"), 200, 505, "two versions are enough"),
    ("HTTP/2.0", odd("Host: x", line=f"POST /rec/{EXC} HTTP/2.0"), 200, 505, "two versions are enough"),
    ("no version", odd("Host: x", line=f"POST /rec/{EXC}"), 200, 400, "HTTP/0.9 had no POST"),
    ("a method nobody knows", odd("Host: x", line=f"FETCH /rec/{EXC} HTTP/1.1"), CLOSED, 400,
     "an answer helps who debugs"),
    ("a whole URL as target", odd("Host: x", line=f"POST http://x/rec/{EXC} HTTP/1.1"), 404, 400,
     "for proxies, and we are none"),
    ("a header of 64 KiB", odd("Host: x", "A: " + "b" * 65536), 200, 431, SMALL),
    ("expects 100-continue", odd("Host: x", "Expect: 100-continue"), 200, 417, "no request of Clevis is that large"),
]


def answer(command, request):
    done = subprocess.run([*shlex.split(command), FOLDER], input=request, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=30, check=False)
    words = done.stdout.split(b" ", 2)
    return int(words[1]) if done.stdout.startswith(b"HTTP/1.1 ") else CLOSED, done.stdout


def same_body(theirs, ours):
    """Recovery replies are equal to the byte; advertisements in what they sign."""
    theirs, ours = (text.split(b"\r\n\r\n", 1)[1] for text in (theirs, ours))
    if b'"payload"' not in theirs:
        return theirs == ours
    return [sorted(member for member in json.loads(text.split(b"HTTP/")[0])) for text in (theirs, ours)]


def verdict(good, name, why):
    print(f"ok {name}" if good else f"not ok {name}: {why}")
    return not good


failures = 0
for row in WIRE + ODD:
    name, request, wanted = row[:3]
    ours_wanted, why = row[3:] if len(row) > 3 else (wanted, "")
    (theirs, their_text), (ours, our_text) = answer(TANGD, request), answer(OURS, request)
    good = theirs == wanted and ours == ours_wanted and bool(why) == (ours_wanted != wanted)
    if good and ours == theirs == 200 and not name.startswith("two requests"):
        shape = same_body(their_text, our_text)
        good = shape is True or (isinstance(shape, list) and shape[0] == shape[1])
    if good and ours is not CLOSED and ours >= 400:
        good = b"Content-Length: 0\r\n" in our_text and our_text.endswith(b"\r\n\r\n")
    failures += verdict(good, name, f"tangd {theirs}, wanted {wanted}; ours {ours}, wanted {ours_wanted} {why}")
print(f"# {len(WIRE)} requests of the wire, {len(ODD)} odd ones")
sys.exit(failures > 0)
