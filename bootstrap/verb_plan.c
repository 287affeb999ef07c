/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan: looks, plans, prints. Writes nothing to the machine.
 */
#include "bootstrap/plan.h"
#include "bootstrap/verbs.h"
#include "common/cleanup.h"

static int print_text(const struct plan *plan, const struct facts *facts)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	r = plan_print(plan, facts, &text);
	if (r < 0)
		return r;
	fputs(text, stdout);
	return 0;
}

static int print_json(const struct plan *plan, const struct facts *facts)
{
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	r = plan_to_json(plan, facts, &json);
	if (r == 0)
		r = js_print_pretty(json, &text);
	if (r < 0)
		return r;
	fputs(text, stdout);
	return 0;
}

int verb_plan(const struct config *config)
{
	struct facts facts;
	struct plan plan;
	int r;

	r = facts_collect(&facts, config->state_dir);
	if (r < 0)
		return r;
	plan_build(&facts, config, &plan);
	r = config->json ? print_json(&plan, &facts) : print_text(&plan, &facts);
	if (r < 0)
		return r;
	return plan.refusal_count > 0 ? VERB_REFUSED : VERB_DONE;
}
