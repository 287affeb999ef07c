-- SPDX-License-Identifier: GPL-3.0-or-later
-- What decides an unlock beside addresses: network lists, waivers, approval, absence, review (docs/server-states.md).
-- The defaults leave devices as they were. Lists are JSON array texts.

-- networks: names of network lists. approval: 'none', 'active', 'always'. absence_s 0: it may stay away for ever.
-- held: why people must release it first: '', 'new', 'compromised'.
ALTER TABLE device ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE device ADD COLUMN approval TEXT NOT NULL DEFAULT 'none';
ALTER TABLE device ADD COLUMN absence_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN absence_denies INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN held TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN workload TEXT NOT NULL DEFAULT '';

-- What the key's devices begin with. hold: they begin held, as 'new'.
ALTER TABLE enrollment_key ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE enrollment_key ADD COLUMN approval TEXT NOT NULL DEFAULT 'none';
ALTER TABLE enrollment_key ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE enrollment_key ADD COLUMN absence_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE enrollment_key ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0;
ALTER TABLE enrollment_key ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollment_key ADD COLUMN workload TEXT NOT NULL DEFAULT '';
ALTER TABLE enrollment_key ADD COLUMN compromised_s INTEGER NOT NULL DEFAULT 0;

CREATE TABLE network_list (
	organization BLOB NOT NULL REFERENCES organization,
	name TEXT NOT NULL,
	ranges TEXT NOT NULL,
	description TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	changed_s INTEGER NOT NULL,
	PRIMARY KEY (organization, name)
) STRICT;

-- waives: bits of enum waived. source '': from wherever the device may ask. window_…: the boot that has begun last.
-- proposed: waits for a quorum, and can't be spent.
CREATE TABLE waiver (
	serial INTEGER PRIMARY KEY AUTOINCREMENT,
	id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	organization BLOB NOT NULL REFERENCES organization,
	device BLOB NOT NULL REFERENCES device (id),
	kind TEXT NOT NULL,
	waives INTEGER NOT NULL,
	source TEXT NOT NULL,
	boots INTEGER NOT NULL,
	boots_left INTEGER NOT NULL,
	replies_per_boot INTEGER NOT NULL,
	window_s INTEGER NOT NULL,
	window_until_s INTEGER NOT NULL DEFAULT 0,
	window_source TEXT NOT NULL DEFAULT '',
	window_replies_left INTEGER NOT NULL DEFAULT 0,
	replies INTEGER NOT NULL DEFAULT 0,
	proposed INTEGER NOT NULL DEFAULT 0,
	comment TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	expires_s INTEGER NOT NULL,
	cancelled_s INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX waiver_by_device ON waiver (device, expires_s);
CREATE INDEX waiver_by_organization ON waiver (organization, serial);

-- Whose unlocks people approve: devices that carry one of the tags. approvers '[]': whoever has the role.
CREATE TABLE approval_group (
	organization BLOB NOT NULL REFERENCES organization,
	name TEXT NOT NULL,
	tags TEXT NOT NULL,
	approvers TEXT NOT NULL,
	quorum INTEGER NOT NULL CHECK (quorum > 0),
	created_by TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	changed_s INTEGER NOT NULL,
	PRIMARY KEY (organization, name)
) STRICT;

-- The same tags, to be looked for in a device's list of them; none has a quote, a comma or a backslash.
CREATE TABLE approval_group_tag (
	organization BLOB NOT NULL,
	name TEXT NOT NULL,
	tag TEXT NOT NULL,
	PRIMARY KEY (organization, name, tag),
	FOREIGN KEY (organization, name) REFERENCES approval_group (organization, name)
) STRICT;

-- kind 'unlock': a device asks from a source; 'waiver': somebody proposes the waiver. state: 'pending', 'approved',
-- 'denied', 'ended'; a pending one is over at until_s. asked: how often, folded. created_by: whose vote doesn't count; '' for a device.
CREATE TABLE approval (
	serial INTEGER PRIMARY KEY AUTOINCREMENT,
	id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	organization BLOB NOT NULL REFERENCES organization,
	device BLOB NOT NULL REFERENCES device (id),
	kind TEXT NOT NULL,
	source TEXT NOT NULL,
	reason TEXT NOT NULL,
	waiver BLOB,
	state TEXT NOT NULL DEFAULT 'pending',
	created_by TEXT NOT NULL DEFAULT '',
	created_s INTEGER NOT NULL,
	last_s INTEGER NOT NULL,
	until_s INTEGER NOT NULL,
	asked INTEGER NOT NULL DEFAULT 1,
	deferred_until_s INTEGER NOT NULL DEFAULT 0,
	decided_s INTEGER NOT NULL DEFAULT 0,
	decided_by TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX approval_open ON approval (device, source, kind) WHERE state = 'pending' AND kind = 'unlock';
CREATE INDEX approval_by_device ON approval (device, source, decided_s);
CREATE INDEX approval_by_organization ON approval (organization, serial);

CREATE TABLE approval_vote (
	approval BLOB NOT NULL REFERENCES approval (id),
	member TEXT NOT NULL,
	at_s INTEGER NOT NULL,
	PRIMARY KEY (approval, member)
) STRICT;

-- Pending unlocks are listed with the denials.
CREATE INDEX audit_refused ON audit (organization, seq)
	WHERE event IN ('unlock-denied', 'enroll-denied', 'unlock-pending');
