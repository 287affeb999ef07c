/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's policy: what people change of it. One statement writes it, so that no two changes mix.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/strbuf.h"
#include "server/store/store_internal.h"

/* The device as it is, and its lists as they will be. */
struct subject {
	uint64_t revoked_s;
	char allow_from[LIST_TEXT_SIZE], networks[LIST_TEXT_SIZE], registered[LIST_TEXT_SIZE];
};

static int take_subject(const struct db_row *row, void *userdata)
{
	struct subject *subject = userdata;
	int r;

	subject->revoked_s = db_number(row, 0);
	r = db_text_copy(row, 1, subject->allow_from, sizeof(subject->allow_from));
	if (r == 0)
		r = db_text_copy(row, 2, subject->networks, sizeof(subject->networks));
	return r < 0 ? r : db_text_copy(row, 3, subject->registered, sizeof(subject->registered));
}

static bool is_same_range(const struct cidr *a, const struct cidr *b)
{
	return a->prefix == b->prefix && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void remove_ranges(struct cidr_list *list, const struct cidr_list *gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		bool is_gone = false;

		for (size_t j = 0; gone && j < gone->count; j++)
			is_gone = is_gone || is_same_range(&list->items[i], &gone->items[j]);
		if (!is_gone)
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

/* text: a list, changed in place. STORE_CONFLICT: there is no room. */
static int edit_list(char text[static LIST_TEXT_SIZE], const struct cidr_list *add,
		     const struct cidr_list *gone)
{
	struct cidr_list list;
	int r;

	r = cidr_list_parse(text, &list);
	if (r < 0)
		return fail(-EIO, "the store is damaged: a device's addresses make no sense");
	remove_ranges(&list, add); /* none twice */
	remove_ranges(&list, gone);
	for (size_t i = 0; add && i < add->count; i++) {
		if (list.count == CIDR_LIST_MAX)
			return STORE_CONFLICT;
		list.items[list.count++] = add->items[i];
	}
	return cidr_list_print(&list, text, LIST_TEXT_SIZE) < 0 ? STORE_CONFLICT : 0;
}

/* Naming a first range by hand would end what the registered addresses allow; so a range that is
 * only added joins them. */
static int edit_sources(struct subject *subject, const struct store_device_policy *policy)
{
	const struct cidr_list *add = policy->add_from;
	bool by_people;
	int r;

	if (policy->allow_from)
		snprintf(subject->allow_from, LIST_TEXT_SIZE, "%s", policy->allow_from);
	if (policy->networks)
		snprintf(subject->networks, LIST_TEXT_SIZE, "%s", policy->networks);
	by_people = strcmp(subject->allow_from, "[]") != 0 || strcmp(subject->networks, "[]") != 0;
	if (!add && !policy->remove_from)
		return 0;
	r = edit_list(subject->allow_from, by_people ? add : NULL, policy->remove_from);
	return r != 0 ? r
		      : edit_list(subject->registered, by_people ? NULL : add, policy->remove_from);
}

static void add_part(struct strbuf *text, const char *name, const char *value)
{
	if (value)
		strbuf_addf(text, "%s%s %s", text->len ? "; " : "", name, value);
}

/* What has changed, for the audit. */
static int describe(const struct store_device_policy *policy, const struct subject *subject,
		    char **ret)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_EMPTY;
	bool has_sources = policy->add_from || policy->remove_from;

	strbuf_add(&text, "");
	add_part(&text, "name", policy->name);
	add_part(&text, "environment", policy->environment);
	add_part(&text, "workload", policy->workload);
	add_part(&text, "tags", policy->tags);
	add_part(&text, "allow_from",
		 policy->allow_from || has_sources ? subject->allow_from : NULL);
	add_part(&text, "registered", has_sources ? subject->registered : NULL);
	add_part(&text, "network_lists", policy->networks);
	add_part(&text, "approval", policy->approval);
	add_part(&text, "reboots", policy->reboots);
	if (policy->absence_s)
		strbuf_addf(&text, "%sabsence %llu s", text.len ? "; " : "",
			    (unsigned long long)*policy->absence_s);
	add_part(&text, "absence",
		 !policy->absence_denies   ? NULL
		 : *policy->absence_denies ? "denies"
					   : "asks");
	return strbuf_take(&text, ret);
}

static struct db_value optional_number(bool is_given, uint64_t number)
{
	return is_given ? DB_NUMBER(number) : DB_NULL;
}

static int update(struct store *store, const uint8_t *id, const struct store_device_policy *policy,
		  const struct subject *subject)
{
	return db_run(
		store->db,
		"UPDATE device SET name = coalesce($1, name),"
		" environment = coalesce($2, environment), workload = coalesce($3, workload),"
		" tags = coalesce($4, tags), allow_from = $5, networks = $6, registered = $7,"
		" approval = coalesce($8, approval), absence_s = coalesce($9, absence_s),"
		" absence_denies = coalesce($10, absence_denies),"
		" reboots = coalesce($11, reboots) WHERE id = $12",
		DB_ARGS(store_optional_text(policy->name), store_optional_text(policy->environment),
			store_optional_text(policy->workload), store_optional_text(policy->tags),
			DB_TEXT(subject->allow_from), DB_TEXT(subject->networks),
			DB_TEXT(subject->registered), store_optional_text(policy->approval),
			optional_number(policy->absence_s != NULL,
					policy->absence_s ? *policy->absence_s : 0),
			optional_number(policy->absence_denies != NULL,
					policy->absence_denies && *policy->absence_denies),
			store_optional_text(policy->reboots), DB_BLOB(id, DEVICE_ID_BYTES)));
}

/* All but words for people. What would only tighten isn't told apart: to shut a device at once, it
 * can be disabled. */
static bool may_weaken(const struct store_device_policy *policy)
{
	return policy->tags || policy->allow_from || policy->networks || policy->approval ||
	       policy->add_from || policy->remove_from || policy->absence_s ||
	       policy->absence_denies;
}

static int set(struct store *store, const struct store_by *by, const uint8_t *id,
	       const struct store_device_policy *policy)
{
	CLEANUP_FREE char *detail = NULL;
	struct subject subject;
	int r;

	r = store_one(store,
		      "SELECT revoked_s, allow_from, networks, registered FROM device"
		      " WHERE organization = $1 AND id = $2",
		      DB_ARGS(DB_BLOB(by->organization, ORGANIZATION_ID_BYTES),
			      DB_BLOB(id, DEVICE_ID_BYTES)),
		      take_subject, &subject);
	if (r == 0 && subject.revoked_s > 0)
		r = STORE_CONFLICT;
	if (r == 0 && policy->networks)
		r = store_networks_exist(store, by->organization, policy->networks);
	if (r == 0)
		r = edit_sources(&subject, policy);
	if (r == 0 && may_weaken(policy))
		r = store_guard_device(store, by, id);
	if (r == 0)
		r = update(store, id, policy, &subject);
	if (r == 0)
		r = store_approvals_end(store, by, id, "the device's policy was changed");
	if (r == 0)
		r = describe(policy, &subject, &detail);
	return r != 0 ? r : store_audit_action(store, by, "device-policy-changed", id, detail);
}

int store_device_set(struct store *store, const struct store_by *by,
		     const uint8_t id[static DEVICE_ID_BYTES],
		     const struct store_device_policy *policy)
{
	int r = db_begin(store->db);

	if (r < 0)
		return r;
	return store_end(store, set(store, by, id, policy));
}
