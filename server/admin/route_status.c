/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server's operators should know of it, and do: reading only.
 */
#include <errno.h>

#include "common/err.h"
#include "server/admin/routes.h"

static bool has_no_copy(const struct store_status *status)
{
	return status->kek_copied_s == 0;
}

static bool has_unopened_copy(const struct store_status *status)
{
	return status->kek_copied_s > 0 && status->kek_copy_opened_s == 0;
}

static bool is_rotating(const struct store_status *status)
{
	return status->kek_rotating;
}

static bool is_quarantined(const struct store_status *status)
{
	return status->quarantine_s > 0;
}

static bool is_late(const struct store_status *status)
{
	return status->checkpoint_late;
}

/* Codes stay; texts may change. */
static const struct {
	bool (*holds)(const struct store_status *status);
	const char *code, *text;
} warnings[] = {
	{ is_quarantined, "quarantine",
	  "The store was restored from a backup, or is older than its witness. Each unlock needs "
	  "approval, and nothing is enrolled, until an operator ends that with \"panocryptd "
	  "quarantine end\"." },
	{ has_no_copy, "kek-copy-missing",
	  "There is no portable copy of the key-encryption key: when it is lost, no device can be "
	  "unlocked. Make one with \"panocryptd kek copy\"." },
	{ has_unopened_copy, "kek-copy-unopened",
	  "Nobody has opened the portable copy of the key-encryption key yet. Do it once, with "
	  "\"panocryptd kek verify-copy\"." },
	{ is_rotating, "kek-rotation-unfinished",
	  "A rotation of the key-encryption key was begun and not finished. Run \"panocryptd kek "
	  "rotate\" again." },
	{ is_late, "checkpoint-late",
	  "The audit has rows that no checkpoint covers: see the server's log, and whether the "
	  "witness can be written." },
};

static json_t *list_warnings(const struct store_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < ARRAY_SIZE(warnings); i++)
		if (warnings[i].holds(status))
			json_array_append_new(list,
					      json_pack("{s:s, s:s}", "code", warnings[i].code,
							"text", warnings[i].text));
	return list;
}

void route_status(struct call *call)
{
	struct store_status status;
	int r = store_status(call->admin->store, &status);

	if (r < 0) {
		answer_failure(call->connection, r);
		return;
	}
	answer_json(call->connection, 200,
		    json_pack("{s:{s:s, s:I, s:I, s:I, s:I}, s:{s:I, s:I}, s:I, s:o}", "kek", "id",
			      status.kek, "since", (json_int_t)status.kek_since_s, "copied",
			      (json_int_t)status.kek_copied_s, "copy_opened",
			      (json_int_t)status.kek_copy_opened_s, "kept",
			      (json_int_t)status.kek_kept, "checkpoint", "number",
			      (json_int_t)status.checkpoint, "time",
			      (json_int_t)status.checkpoint_s, "quarantine",
			      (json_int_t)status.quarantine_s, "warnings", list_warnings(&status)));
}
