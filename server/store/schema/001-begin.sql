-- SPDX-License-Identifier: GPL-3.0-or-later
-- The first schema. Times are seconds since the epoch, 0 for "never". Lists are JSON array texts.
-- Ids of organizations and devices are 16 random bytes. Nothing here opens a disk.

CREATE TABLE setting (
	name TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT;

CREATE TABLE organization (
	id BLOB PRIMARY KEY CHECK (length(id) = 16),
	name TEXT NOT NULL UNIQUE,
	created_s INTEGER NOT NULL
) STRICT;

CREATE TABLE member (
	organization BLOB NOT NULL REFERENCES organization,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	PRIMARY KEY (organization, name)
) STRICT;

-- hash: SHA-256 of the token's text (256 random bits, so no salt is needed).
CREATE TABLE api_token (
	hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
	organization BLOB NOT NULL,
	member TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	expires_s INTEGER NOT NULL,
	revoked_s INTEGER NOT NULL DEFAULT 0,
	FOREIGN KEY (organization, member) REFERENCES member (organization, name)
) STRICT;

-- secret_hash: HMAC-SHA256 of the whole normalized key under a key that only core can derive.
CREATE TABLE enrollment_key (
	serial INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL UNIQUE,
	organization BLOB NOT NULL REFERENCES organization,
	secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
	description TEXT NOT NULL,
	tags TEXT NOT NULL,
	allow_from TEXT NOT NULL,
	redeem_from TEXT NOT NULL,
	created_by TEXT NOT NULL,
	max_uses INTEGER NOT NULL,
	uses INTEGER NOT NULL DEFAULT 0 CHECK (uses <= max_uses),
	created_s INTEGER NOT NULL,
	expires_s INTEGER NOT NULL,
	revoked_s INTEGER NOT NULL DEFAULT 0
) STRICT;

-- State: docs/server-states.md. registered: addresses seen while converting, one a family.
-- left_s: when the conversion ended; for a device made by an admin, when it was made.
CREATE TABLE device (
	serial INTEGER PRIMARY KEY AUTOINCREMENT,
	id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	organization BLOB NOT NULL REFERENCES organization,
	name TEXT NOT NULL,
	tags TEXT NOT NULL,
	allow_from TEXT NOT NULL,
	registered TEXT NOT NULL DEFAULT '[]',
	platform TEXT NOT NULL DEFAULT '',
	enrollment_key TEXT NOT NULL DEFAULT '',
	nonce BLOB UNIQUE,
	fingerprint BLOB,
	report_hash BLOB UNIQUE,
	generation INTEGER NOT NULL DEFAULT 1,
	created_s INTEGER NOT NULL,
	disabled INTEGER NOT NULL DEFAULT 0,
	revoked_s INTEGER NOT NULL DEFAULT 0,
	converting_until_s INTEGER NOT NULL DEFAULT 0,
	left_s INTEGER NOT NULL DEFAULT 0,
	last_seen_s INTEGER NOT NULL DEFAULT 0,
	native_seen INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX device_by_organization ON device (organization, serial);

-- Sealed by core, bound to organization, device, generation and KEK.
CREATE TABLE device_key (
	device BLOB NOT NULL REFERENCES device (id),
	generation INTEGER NOT NULL,
	exchange_thumbprint TEXT NOT NULL,
	signing_thumbprint TEXT NOT NULL,
	kek TEXT NOT NULL,
	exchange_sealed BLOB NOT NULL,
	signing_sealed BLOB NOT NULL,
	created_s INTEGER NOT NULL,
	PRIMARY KEY (device, generation),
	UNIQUE (device, exchange_thumbprint)
) STRICT;

-- Apart from device, so that an unlock doesn't rewrite the evidence.
CREATE TABLE device_report (
	device BLOB PRIMARY KEY REFERENCES device (id),
	phase TEXT NOT NULL DEFAULT '',
	state TEXT NOT NULL DEFAULT '',
	percent REAL NOT NULL DEFAULT 0,
	done_bytes INTEGER NOT NULL DEFAULT 0,
	total_bytes INTEGER NOT NULL DEFAULT 0,
	bytes_per_s INTEGER NOT NULL DEFAULT 0,
	eta_s INTEGER NOT NULL DEFAULT 0,
	waiting TEXT NOT NULL DEFAULT '',
	boot INTEGER NOT NULL DEFAULT 0,
	message TEXT NOT NULL DEFAULT '',
	progress_s INTEGER NOT NULL DEFAULT 0,
	evidence TEXT NOT NULL DEFAULT ''
) STRICT;

-- A hash chain per (organization, writer). Organization x'00…' is the system's. Rows are only added.
CREATE TABLE audit (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	organization BLOB NOT NULL CHECK (length(organization) = 16),
	writer TEXT NOT NULL,
	lane_seq INTEGER NOT NULL,
	time_s INTEGER NOT NULL,
	event TEXT NOT NULL,
	device BLOB NOT NULL,
	source TEXT NOT NULL,
	reason TEXT NOT NULL,
	actor TEXT NOT NULL,
	detail TEXT NOT NULL,
	count INTEGER NOT NULL,
	hash BLOB NOT NULL CHECK (length(hash) = 32),
	UNIQUE (organization, writer, lane_seq)
) STRICT;
CREATE INDEX audit_by_organization ON audit (organization, seq);
CREATE INDEX audit_denied ON audit (organization, seq)
	WHERE event IN ('unlock-denied', 'enroll-denied');
