-- SPDX-License-Identifier: GPL-3.0-or-later
-- Reboots that people announce (docs/server-states.md).

-- reboots: 'any', or 'announced': an unlock that nobody expected leaves an alert. reboot_…: the window that was announced last.
-- surprised_s: the last unlock that nobody expected.
ALTER TABLE device ADD COLUMN reboots TEXT NOT NULL DEFAULT 'any';
ALTER TABLE device ADD COLUMN reboot_from_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN reboot_until_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device ADD COLUMN surprised_s INTEGER NOT NULL DEFAULT 0;
