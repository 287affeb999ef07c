-- SPDX-License-Identifier: GPL-3.0-or-later
-- Changes of policy that wait for a quorum (docs/server-states.md): a request of the API, kept until enough people agree.

-- subject: 'device', 'network-list', 'approval-group'. name: which one. path, body: the request. state: 'pending', 'agreed',
-- 'denied'; a pending one is over at until_s. quorum: the largest when it was made. created_by has no vote.
CREATE TABLE proposal (
	serial INTEGER PRIMARY KEY AUTOINCREMENT,
	id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
	organization BLOB NOT NULL REFERENCES organization,
	subject TEXT NOT NULL,
	name TEXT NOT NULL,
	path TEXT NOT NULL,
	body TEXT NOT NULL,
	quorum INTEGER NOT NULL,
	state TEXT NOT NULL DEFAULT 'pending',
	created_by TEXT NOT NULL,
	created_s INTEGER NOT NULL,
	until_s INTEGER NOT NULL,
	decided_s INTEGER NOT NULL DEFAULT 0,
	decided_by TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX proposal_by_organization ON proposal (organization, serial);

CREATE TABLE proposal_vote (
	proposal BLOB NOT NULL REFERENCES proposal (id),
	member TEXT NOT NULL,
	at_s INTEGER NOT NULL,
	PRIMARY KEY (proposal, member)
) STRICT;
