-- SPDX-License-Identifier: GPL-3.0-or-later
-- Who outside is asked before each unlock of an organization: docs/authorizer.md.

-- version: random, another one with each setting, so that an answer to an earlier one doesn't count. ca: PEM, or ''.
-- curve, x, y: the public key that signs answers.
CREATE TABLE authorizer (
	organization BLOB PRIMARY KEY REFERENCES organization (id),
	version BLOB NOT NULL CHECK (length(version) = 16),
	url TEXT NOT NULL,
	ca TEXT NOT NULL,
	curve TEXT NOT NULL,
	x TEXT NOT NULL,
	y TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_s INTEGER NOT NULL
) STRICT;
