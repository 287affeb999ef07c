-- SPDX-License-Identifier: GPL-3.0-or-later
-- What proves the audit.

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
