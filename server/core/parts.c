/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts the core's parts together and takes them apart.
 */
#include "server/core/parts.h"

void core_parts_close(struct core_parts *parts)
{
	rate_close(parts->rate);
	connections_closep(&parts->connections);
	throttle_closep(&parts->throttle);
	audit_closep(&parts->audit);
	adverts_closep(&parts->adverts);
	keys_closep(&parts->keys);
	epochs_closep(&parts->epochs);
	exchange_closep(&parts->exchange);
	store_closep(&parts->store);
	*parts = (struct core_parts){ .store = NULL };
}

int core_parts_open(const struct server_config *config, struct core_parts *ret)
{
	CLEANUP(core_parts_close) struct core_parts parts = { .store = NULL };
	char writer[CONFIG_WRITER_SIZE];
	int r;

	config_writer(config, "core", writer);
	r = store_open(config->store, writer, &parts.store);
	if (r == 0)
		r = exchange_open(&parts.exchange);
	if (r == 0)
		r = epochs_open(config, parts.store, &parts.epochs);
	if (r == 0)
		r = keys_open(parts.epochs, parts.exchange, &parts.keys);
	if (r == 0)
		r = adverts_open(&parts.adverts);
	if (r == 0)
		r = audit_open(&parts.audit);
	if (r == 0)
		r = throttle_open(&parts.throttle);
	if (r == 0)
		r = connections_open(&parts.connections);
	if (r == 0)
		r = rate_open(&parts.rate);
	if (r < 0)
		return r;
	*ret = parts;
	parts = (struct core_parts){ .store = NULL };
	return 0;
}

int core_parts_end(struct core_parts *parts, int r)
{
	if (r == 0)
		r = store_commit(parts->store);
	if (r != 0)
		store_rollback(parts->store);
	audit_settle(parts->audit, r == 0);
	return r;
}
