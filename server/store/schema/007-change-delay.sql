-- SPDX-License-Identifier: GPL-3.0-or-later
-- Changes that may be made when time has passed, where nobody agrees or objects (docs/server-states.md).

-- change_delay_s: so long after it was proposed, time stands for the group's agreement; 0: never.
ALTER TABLE approval_group ADD COLUMN change_delay_s INTEGER NOT NULL DEFAULT 0;
-- due_s: when that is so, as it was when this was proposed; 0: never.
ALTER TABLE proposal ADD COLUMN due_s INTEGER NOT NULL DEFAULT 0;
