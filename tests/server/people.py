#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""people.py STORE NAME=ROLE…: writes members with API tokens into a store that isn't served; prints "NAME TOKEN"."""
import hashlib
import secrets
import sqlite3
import sys
import time

store = sqlite3.connect(sys.argv[1])
now = int(time.time())
organization = store.execute("SELECT id FROM organization").fetchone()[0]
for person in sys.argv[2:]:
    name, role = person.split("=")
    token = secrets.token_urlsafe(32)
    store.execute("INSERT INTO member (organization, name, role, created_s) VALUES (?, ?, ?, ?)",
                  (organization, name, role, now))
    store.execute("INSERT INTO api_token (hash, organization, member, created_s, expires_s) VALUES (?, ?, ?, ?, ?)",
                  (hashlib.sha256(token.encode()).digest(), organization, name, now, now + 3600))
    print(name, token)
store.commit()
