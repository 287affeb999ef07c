/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * panocryptctl device show.
 */
#include "ctl/ctl.h"

static const struct option_row rows[] = { CTL_ROWS };

static const struct ctl_column columns[] = {
	{ "device", "device", CTL_TEXT },
	{ "name (claimed)", "name", CTL_TEXT },
	{ "state", "state", CTL_TEXT },
	{ "tags", "tags", CTL_LIST },
	{ "allowed from", "allow_from", CTL_LIST },
	{ "network lists", "network_lists", CTL_LIST },
	{ "registered", "registered_addresses", CTL_LIST },
	{ "approval", "approval", CTL_TEXT },
	{ "absent after (s)", "absence_s", CTL_NUMBER },
	{ "when absent", "absence", CTL_TEXT },
	{ "absent from", "absent_at", CTL_TIME },
	{ "reboots", "reboots", CTL_TEXT },
	{ "announced from", "reboot_from", CTL_TIME },
	{ "announced until", "reboot_until", CTL_TIME },
	{ "unexpected unlock", "surprised", CTL_TIME },
	{ "held", "held", CTL_TEXT },
	{ "environment", "environment", CTL_TEXT },
	{ "workload", "workload", CTL_TEXT },
	{ "ephemeral", "ephemeral", CTL_YES_NO },
	{ "enrollment key", "enrollment_key", CTL_TEXT },
	{ "created", "created", CTL_TIME },
	{ "last seen", "last_seen", CTL_TIME },
	{ "converting until", "converting_until", CTL_TIME },
	{ "phase", "phase", CTL_TEXT },
	{ "phase state", "phase_state", CTL_TEXT },
	{ "percent", "percent", CTL_PERCENT },
	{ "done", "done_bytes", CTL_BYTES },
	{ "of", "total_bytes", CTL_BYTES },
	{ "rate", "bytes_per_s", CTL_RATE },
	{ "time left", "eta_s", CTL_SECONDS },
	{ "waiting for", "waiting", CTL_TEXT },
	{ "boot", "boot", CTL_NUMBER },
	{ "message", "message", CTL_TEXT },
	{ "reported", "progress_at", CTL_TIME },
	{ "native boot seen", "native_boot_seen", CTL_YES_NO },
	{ "old keys kept", "old_keys", CTL_NUMBER },
	{ "old key last used", "old_key_used", CTL_TIME },
	{ "destroyed", "destroyed", CTL_TIME },
	{ "final since", "final", CTL_TIME },
	{ "url", "url", CTL_TEXT },
	{ "thumbprint", "thumbprint", CTL_TEXT },
};

static int run(void *options, char **words)
{
	const struct ctl *ctl = options;
	CLEANUP_JSON json_t *answer = NULL;
	CLEANUP_FREE char *path = NULL;
	int r;

	r = ctl_device_path(ctl, words[0], "", &path);
	if (!r)
		r = ctl_get(ctl, path, &answer);
	if (r < 0)
		return r;
	return ctl->json ? ctl_print_json(answer)
			 : ctl_print_fields(answer, columns, ARRAY_SIZE(columns));
}

const struct ctl_verb verb_device_show = {
	.noun = "device",
	.name = "show",
	.argument = "DEVICE",
	.arguments = 1,
	.help = "show one device (by id, its beginning, or name)",
	.rows = rows,
	.rows_count = ARRAY_SIZE(rows),
	.options_bytes = sizeof(struct ctl),
	.run = run,
};
