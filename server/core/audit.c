/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded table of recent denials, searched from its start (it is small and denials are rare).
 * Repeats in memory are lost if the process is killed: at most a minute of them, and never the
 * first of its kind. Allowed unlocks don't come here: each has its own row.
 */
#include "server/core/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define ENTRIES_MAX 1024
/* Of these, at most so many that are only counted; the rest of them share one entry. */
#define COUNTED_MAX 64
#define DETAIL_SIZE 16

struct entry {
	const char *event, *reason;
	uint8_t organization[ORGANIZATION_ID_BYTES];
	uint8_t device[DEVICE_ID_BYTES];
	bool has_device, has_source;
	bool is_new;	    /* made by the transaction that is under way */
	struct cidr source; /* an address, or an IPv6 /64 */
	char detail[DETAIL_SIZE];
	uint64_t repeats; /* not yet in a row */
	uint64_t flushed; /* of these, in the transaction that is under way */
};

struct audit {
	size_t count, counted;
	struct entry entries[ENTRIES_MAX];
};

int audit_open(struct audit **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : fail(-ENOMEM, "out of memory");
}

void audit_close(struct audit *audit)
{
	free(audit);
}

static bool is_counted_only(const struct entry *entry)
{
	return memcmp(entry->organization, store_system, sizeof(store_system)) == 0;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return strcmp(a->event, b->event) == 0 && strcmp(a->reason, b->reason) == 0 &&
	       memcmp(a->organization, b->organization, sizeof(a->organization)) == 0 &&
	       a->has_device == b->has_device && a->has_source == b->has_source &&
	       memcmp(a->device, b->device, sizeof(a->device)) == 0 &&
	       memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
	       strcmp(a->detail, b->detail) == 0;
}

static struct entry *find(struct audit *audit, const struct entry *wanted)
{
	for (size_t i = 0; i < audit->count; i++)
		if (is_same(&audit->entries[i], wanted))
			return &audit->entries[i];
	return NULL;
}

static struct entry describe(const struct audit_denial *denial)
{
	struct entry entry = { .event = denial->event, .reason = denial->reason };

	memcpy(entry.organization, denial->organization, sizeof(entry.organization));
	entry.source = cidr_registered(denial->source);
	entry.has_source = true;
	if (is_counted_only(&entry))
		return entry;
	if (denial->device) {
		memcpy(entry.device, denial->device, sizeof(entry.device));
		entry.has_device = true;
	}
	strncpy(entry.detail, denial->detail, sizeof(entry.detail) - 1);
	return entry;
}

static int write_row(struct store *store, const struct entry *entry, const char *source,
		     uint64_t count)
{
	struct store_audit_entry row = { .event = entry->event,
					 .source = source,
					 .reason = entry->reason,
					 .detail = entry->detail,
					 .device = entry->has_device ? entry->device : NULL,
					 .count = count };

	return store_audit_append(store, entry->organization, &row);
}

/* The row of an entry's repeats. */
static int write_repeats(struct store *store, struct entry *entry)
{
	char source[CIDR_TEXT_SIZE] = "";

	if (entry->has_source)
		cidr_print(&entry->source, source);
	entry->flushed = entry->repeats;
	return write_row(store, entry, source, entry->repeats);
}

static void remove_entry(struct audit *audit, size_t at)
{
	if (is_counted_only(&audit->entries[at]))
		audit->counted--;
	audit->count--;
	memmove(&audit->entries[at], &audit->entries[at + 1],
		(audit->count - at) * sizeof(audit->entries[0]));
}

static int add_entry(struct audit *audit, struct store *store, const struct entry *entry)
{
	/* The oldest makes room; its repeats become their row early. */
	if (audit->count == ENTRIES_MAX) {
		int r = audit->entries[0].repeats ? write_repeats(store, &audit->entries[0]) : 0;

		if (r < 0)
			return r;
		remove_entry(audit, 0);
	}
	audit->entries[audit->count++] = *entry;
	return 0;
}

static int count_only(struct audit *audit, struct store *store, struct entry *entry)
{
	struct entry *found = find(audit, entry);

	if (!found && audit->counted >= COUNTED_MAX) {
		memset(&entry->source, 0, sizeof(entry->source));
		entry->has_source = false;
		found = find(audit, entry);
	}
	if (found) {
		found->repeats++;
		return 0;
	}
	audit->counted++;
	entry->repeats = 1;
	return add_entry(audit, store, entry);
}

int audit_denied(struct audit *audit, struct store *store, const struct audit_denial *denial)
{
	struct entry entry = describe(denial), *found;
	char source[CIDR_TEXT_SIZE];
	int r;

	if (is_counted_only(&entry))
		return count_only(audit, store, &entry);
	found = find(audit, &entry);
	if (found) {
		found->repeats++;
		return 0;
	}
	source_print(denial->source, source);
	r = write_row(store, &entry, source, 1);
	if (r != 0)
		return r;
	entry.is_new = true;
	return add_entry(audit, store, &entry);
}

bool audit_pending(const struct audit *audit)
{
	return audit->count > 0;
}

int audit_flush(struct audit *audit, struct store *store)
{
	/* Backwards, since removing moves what is behind. */
	for (size_t i = audit->count; i-- > 0;) {
		struct entry *entry = &audit->entries[i];
		int r;

		if (entry->repeats == 0) {
			remove_entry(audit, i);
			continue;
		}
		r = write_repeats(store, entry);
		if (r != 0)
			return r;
	}
	return 0;
}

void audit_settle(struct audit *audit, bool is_committed)
{
	for (size_t i = audit->count; i-- > 0;) {
		struct entry *entry = &audit->entries[i];

		if (is_committed)
			entry->repeats -= entry->flushed;
		else if (entry->is_new)
			remove_entry(audit, i);
		/* After remove_entry(): the next entry, settled already, or unused room. */
		entry->flushed = 0;
		entry->is_new = false;
	}
}
