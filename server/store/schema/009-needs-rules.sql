-- SPDX-License-Identifier: GPL-3.0-or-later
-- Which rules a node must know to decide for an organization: docs/store.md, Rules of decisions.
ALTER TABLE organization ADD COLUMN needs_rules INTEGER NOT NULL DEFAULT 1;
