/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why would a device be refused from an address? Asks core, which decides.
 */
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "server/admin/routes.h"
#include "server/reason.h"

static const char *const verdicts[] = {
	[MESSAGE_VERDICT_DENY] = "deny",
	[MESSAGE_VERDICT_ASK] = "ask",
	[MESSAGE_VERDICT_ALLOW] = "allow",
};

/* In the order of enum decide_outcome. */
static const char *const outcomes[MESSAGE_OUTCOME_COUNT] = { "passes", "waived", "asks", "denies" };

void route_explain(struct call *call)
{
	union message question;
	char text[64];

	message_start(&question, MESSAGE_EXPLAIN, 0, 0);
	memcpy(question.explain.organization, call->user.organization,
	       sizeof(question.explain.organization));
	if (!read_device_id(call->words[0], question.explain.device)) {
		problem_answer(call->connection, "not-found", "A device's id is 32 hex digits.");
		return;
	}
	if (!http_query_value(call->request->query, "from", text, sizeof(text)) ||
	    source_parse(text, &question.explain.source) < 0) {
		problem_answer(call->connection, "invalid", "query \"from\" must be an address");
		return;
	}
	if (!connection_ask(call->connection, &question))
		problem_answer(call->connection, "unavailable", "%s", "");
}

static json_t *json_of_rules(const struct message_explained *answer)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < answer->rule_count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "rule",
						reason_name((enum reason)answer->rules[i].reason),
						"outcome", outcomes[answer->rules[i].outcome]));
	return list;
}

void route_explained(struct connection *connection, const struct message_explained *answer)
{
	char device[2 * DEVICE_ID_BYTES + 1], source[CIDR_TEXT_SIZE];
	char waiver[2 * WAIVER_ID_BYTES + 1] = "", command[REASON_COMMAND_SIZE];
	const char *reason = reason_name((enum reason)answer->reason);

	if (answer->status != 200) {
		problem_answer(connection, problem_of_status((int)answer->status), "%s", "");
		return;
	}
	text_hex(device, answer->device, DEVICE_ID_BYTES);
	source_print(&answer->source, source);
	reason_command(reason, device, source, command);
	if (answer->has_waiver)
		text_hex(waiver, answer->waiver, WAIVER_ID_BYTES);
	answer_json(connection, 200,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "device",
			      device, "from", source, "verdict", verdicts[answer->verdict],
			      "reason", reason, "advice", reason_advice(reason), "command", command,
			      "matched", answer->matched, "matched_by", answer->matched_by,
			      "waiver", waiver, "rules", json_of_rules(answer)));
}
