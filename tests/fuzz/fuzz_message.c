/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A datagram from any process to any other: what is taken keeps to the table.
 * FUZZ_SOURCES: server/message_io.c server/reason.c server/process.c
 */
#include <stdlib.h>
#include <string.h>

#include "server/message_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct message_port port = { .fd = -1, .state = PROCESS_SERVING };
	const struct message_rule *rule;
	static union message message;

	if (len < 3)
		return 0;
	port.self = data[0] % PROCESS_KIND_COUNT;
	port.peer = data[1] % PROCESS_KIND_COUNT;
	if (message_decode(data + 3, len - 3, data[2] % 3, &port, &message) != 0)
		return 0;
	rule = process_rule(message.head.type, port.peer, port.self);
	if (!rule || rule->size_bytes != len - 3)
		abort();
	if (message.head.type == MESSAGE_REDEEM)
		(void)!strlen(message.redeem.platform);
	return 0;
}
