-- SPDX-License-Identifier: GPL-3.0-or-later
-- How fast an enrollment key enrolls, and how many of its devices may live at once. 0: without a limit.
ALTER TABLE enrollment_key ADD COLUMN rate_per_hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE enrollment_key ADD COLUMN live_max INTEGER NOT NULL DEFAULT 0;
CREATE INDEX device_by_enrollment_key ON device (organization, enrollment_key, created_s);
