/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A backup: one file, a copy of the store with the server's other files inside, the secret ones
 * sealed by the KEK. The KEK itself is never in it. docs/backup.md.
 */
#pragma once

#include "server/core/epoch.h"

/* Writes a backup to path, which must not exist, while the server runs. */
int backup_make(const struct server_config *config, struct store *store,
		const char *path) MUST_CHECK;

/* Makes a server's folder of a backup that lies at DIR/panocrypt.db already: its files, and the
 * quarantine. The KEK must be where the backup's configuration looks for it. ret: that
 * configuration. */
int backup_unpack(const char *dir, struct server_config *ret) MUST_CHECK;
