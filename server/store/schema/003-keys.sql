-- SPDX-License-Identifier: GPL-3.0-or-later
-- What proves the audit, and what keys live and die by.

-- Signed lists of all lanes' heads: docs/audit.md. text is a compact JWS; audit_seq the newest row
-- that it covers.
CREATE TABLE audit_checkpoint (
	serial INTEGER PRIMARY KEY,
	time_s INTEGER NOT NULL,
	audit_seq INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;

-- Where a lane begins after pruning: the last row that was removed.
CREATE TABLE audit_base (
	organization BLOB NOT NULL CHECK (length(organization) = 16),
	writer TEXT NOT NULL,
	lane_seq INTEGER NOT NULL,
	hash BLOB NOT NULL CHECK (length(hash) = 32),
	PRIMARY KEY (organization, writer)
) STRICT;

-- The key-encryption keys, one after the other; the present one has retired_s 0. check_sealed opens
-- only with its KEK; enrollment_sealed is the key of enrollment hashes, which outlives epochs.
CREATE TABLE kek_epoch (
	serial INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	check_sealed BLOB NOT NULL,
	enrollment_sealed BLOB NOT NULL,
	created_s INTEGER NOT NULL,
	retired_s INTEGER NOT NULL DEFAULT 0,
	destroyed_s INTEGER NOT NULL DEFAULT 0,
	rewrapped_s INTEGER NOT NULL DEFAULT 0,
	copied_s INTEGER NOT NULL DEFAULT 0,
	copy_opened_s INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The wrapped keys of a destroyed device are empty; their kek stays, for when that becomes final.
ALTER TABLE device ADD COLUMN destroyed_s INTEGER NOT NULL DEFAULT 0;

-- Set while the store may be older than what was decided after it: each unlock needs approval then.
-- At most one row.
CREATE TABLE quarantine (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	since_s INTEGER NOT NULL,
	reason TEXT NOT NULL
) STRICT;

-- In a backup file only: what a server needs besides its store and its KEK, the secret ones sealed.
CREATE TABLE backup_file (
	name TEXT PRIMARY KEY,
	bytes BLOB NOT NULL
) STRICT;

-- When an older generation was last used for an unlock; the present one isn't noted here.
ALTER TABLE device_key ADD COLUMN used_s INTEGER NOT NULL DEFAULT 0;
