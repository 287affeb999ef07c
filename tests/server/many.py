#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""many.py --ca FILE [--at-once N] [--keep] [--wait] URL…: a POST for each line of standard input, over the URLs in turn.

Each line is "SOURCE BODY": the request comes from that loopback address ("-": any) over a connection of its own, so that
the server's audit names each request. Prints a line for each when it ends: "STATUS SOURCE START END" (seconds since the
epoch; STATUS 0: no whole answer). --keep: all connections are made first; then each asks again and again until it is
told something else than 200. --wait: a second after each 503.
"""
import argparse
import asyncio
import ssl
import sys
import time
import urllib.parse

TROUBLE = (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError, IndexError,
           ValueError)


async def connect(options, url, source):
    """Patiently: nothing has been asked before the connection is there, so it may be tried again."""
    target = urllib.parse.urlsplit(url)
    end = time.monotonic() + 60
    while True:
        try:
            return await asyncio.wait_for(asyncio.open_connection(
                "127.0.0.1", target.port, ssl=options.context, server_hostname=target.hostname,
                local_addr=None if source == "-" else (source, 0)), 15)
        except TROUBLE:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.05)


def request(url, body, keep):
    target = urllib.parse.urlsplit(url)
    kind = "application/jwk+json" if target.path.startswith("/d/") else "application/json"
    return (f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: {kind}\r\n"
            f"{'' if keep else 'Connection: close'+chr(13)+chr(10)}Content-Length: {len(body)}\r\n\r\n").encode() + body


async def answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    lengths = [int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length:")]
    await reader.readexactly(lengths[0])
    return int(head[0].split()[1])


async def ask(stream, source, text):
    start = time.time()
    status = 0
    try:
        stream[1].write(text)
        status = await asyncio.wait_for(answer(stream[0]), 40)
    except TROUBLE:
        pass
    print(f"{status} {source} {start:.3f} {time.time():.3f}", flush=True)
    return status


async def work(options, queue):
    while not queue.empty():
        url, source, body = queue.get_nowait()
        try:
            stream = await connect(options, url, source)
        except TROUBLE:
            print(f"0 {source} {time.time():.3f} {time.time():.3f}", flush=True)
            continue
        status = await ask(stream, source, request(url, body, False))
        stream[1].close()
        if status == 503 and options.wait:
            await asyncio.sleep(1)


async def keep_asking(options, url, source, body):
    stream = await connect(options, url, source)
    options.ready += 1
    while options.ready < options.wanted:
        await asyncio.sleep(0.01)
    while await ask(stream, source, request(url, body, True)) == 200:
        pass
    stream[1].close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ca", required=True)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("urls", nargs="+")
    options = parser.parse_args()
    options.context = ssl.create_default_context(cafile=options.ca)
    queue = asyncio.Queue()
    for number, line in enumerate(sys.stdin):
        source, _, body = line.rstrip("\n").partition(" ")
        queue.put_nowait((options.urls[number % len(options.urls)], source, body.encode()))
    options.ready, options.wanted = 0, queue.qsize()
    if options.keep:
        await asyncio.gather(*(keep_asking(options, *queue.get_nowait()) for _ in range(options.wanted)))
    else:
        await asyncio.gather(*(work(options, queue) for _ in range(options.at_once)))


asyncio.run(main())
