/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages on SOCK_SEQPACKET pairs. message_decode() is pure; the rest is one sendmsg() or
 * recvmsg() each. Both directions look into the same table, so that a bug shows at the sender and
 * an intruder at the receiver.
 */
#include "server/message_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "server/reason.h"

/* Texts inside messages: terminated within their field. */
struct text_field {
	enum message_type type;
	size_t offset, size;
};

#define TEXT(type, layout, member)                                                                 \
	{                                                                                          \
		MESSAGE_##type, offsetof(struct layout, member),                                   \
			sizeof(((struct layout *)0)->member)                                       \
	}

static const struct text_field text_fields[] = {
	TEXT(ADVERTISE, message_advertise, thumbprint),
	TEXT(EXCHANGE, message_exchange, thumbprint),
	TEXT(REDEEM, message_redeem, key),
	TEXT(REDEEM, message_redeem, hostname),
	TEXT(REDEEM, message_redeem, platform),
	TEXT(MINT, message_mint, actor),
	TEXT(MINT, message_mint, name),
	TEXT(MINT, message_mint, tags),
	TEXT(MINT, message_mint, allow_from),
	TEXT(ROTATE, message_rotate, actor),
	TEXT(MINT_KEY, message_mint_key, actor),
	TEXT(MINT_KEY, message_mint_key, description),
	TEXT(MINT_KEY, message_mint_key, tags),
	TEXT(MINT_KEY, message_mint_key, allow_from),
	TEXT(MINT_KEY, message_mint_key, redeem_from),
	TEXT(MINT_KEY, message_mint_key, networks),
	TEXT(MINT_KEY, message_mint_key, approval),
	TEXT(MINT_KEY, message_mint_key, environment),
	TEXT(MINT_KEY, message_mint_key, workload),
	TEXT(KEY_MINTED, message_key_minted, code),
	TEXT(KEY_MINTED, message_key_minted, key),
	TEXT(HEALTH, message_health, reason),
	TEXT(REDEEMED, message_redeemed, code),
	TEXT(REDEEMED, message_redeemed, thumbprint),
	TEXT(REDEEMED, message_redeemed, report_token),
	TEXT(REDEEMED, message_redeemed, organization),
	TEXT(REDEEMED, message_redeemed, tags),
	TEXT(EXPLAINED, message_explained, matched),
	TEXT(EXPLAINED, message_explained, matched_by),
	TEXT(DELIVER, message_deliver, url),
	TEXT(DELIVER, message_deliver, ca),
	TEXT(DELIVER, message_deliver, post),
};

int message_pair(int ret[2])
{
	int pair[2];
	int room_bytes = 4 * 1024 * 1024;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return fail(-errno, "can't make a socket pair: %m");
	for (int i = 0; i < 2; i++) /* best effort: the kernel caps it, a full queue is handled */
		(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room_bytes, sizeof(room_bytes));
	memcpy(ret, pair, sizeof(pair));
	return 0;
}

void message_start(union message *message, enum message_type type, uint64_t connection,
		   uint64_t request)
{
	memset(message, 0, sizeof(*message));
	message->head.type = type;
	message->head.connection = connection;
	message->head.request = request;
}

static bool texts_end(const union message *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(text_fields); i++) {
		const struct text_field *field = &text_fields[i];

		if (field->type == message->head.type &&
		    !memchr(message->bytes + field->offset, 0, field->size))
			return false;
	}
	return true;
}

static bool explanation_fits(const struct message_explained *explained)
{
	if (explained->verdict > MESSAGE_VERDICT_ALLOW || explained->reason >= REASON_COUNT ||
	    explained->rule_count > MESSAGE_RULES_MAX)
		return false;
	for (size_t i = 0; i < MESSAGE_RULES_MAX; i++)
		if (explained->rules[i].reason >= REASON_COUNT ||
		    explained->rules[i].outcome >= MESSAGE_OUTCOME_COUNT)
			return false;
	return true;
}

static bool delivery_fits(const struct message_delivered *delivered)
{
	return delivered->cause > AUTHORIZER_NOT_ASKED &&
	       delivered->cause < AUTHORIZER_CAUSE_COUNT &&
	       delivered->header < AUTHORIZER_HEADER_COUNT &&
	       delivered->signature_len <= AUTHORIZER_SIGNATURE_MAX;
}

/* Numbers that the receiver uses as an index, a length or an enumeration. */
static bool numbers_fit(const union message *message)
{
	switch (message->head.type) {
	case MESSAGE_ADVERTISEMENT:
		return message->advertisement.len <= sizeof(message->advertisement.text);
	case MESSAGE_EXCHANGE:
		return message->exchange.curve == MESSAGE_CURVE_P256 ||
		       message->exchange.curve == MESSAGE_CURVE_P521;
	case MESSAGE_EXCHANGED:
		return message->exchanged.status != 200 ||
		       message->exchanged.curve == MESSAGE_CURVE_P256 ||
		       message->exchanged.curve == MESSAGE_CURVE_P521;
	case MESSAGE_EXPLAINED: return explanation_fits(&message->explained);
	case MESSAGE_DELIVERED: return delivery_fits(&message->delivered);
	case MESSAGE_CONSULTED: return message->consulted.cause < AUTHORIZER_CAUSE_COUNT;
	default: return true;
	}
}

int message_decode(const uint8_t *data, size_t len, size_t sockets, const struct message_port *port,
		   union message *ret)
{
	const char *peer = process_table[port->peer].name;
	const struct message_rule *rule;
	struct message_head head;

	if (len < sizeof(head) || len > sizeof(*ret))
		return fail(-EPROTO, "%s sent a message of %zu bytes", peer, len);
	memcpy(&head, data, sizeof(head));
	rule = process_rule(head.type, port->peer, port->self);
	if (!rule)
		return fail(-EPROTO, "%s may not send message %u", peer, head.type);
	if (len != rule->size_bytes || head.size_bytes != len)
		return fail(-EPROTO, "%s sent message %u with a wrong size", peer, head.type);
	if (sockets != (rule->carries_socket ? 1 : 0))
		return fail(-EPROTO, "%s sent message %u with %zu sockets", peer, head.type,
			    sockets);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, data, len);
	if (!texts_end(ret) || !numbers_fit(ret))
		return fail(-EPROTO, "%s sent message %u with a field out of bounds", peer,
			    head.type);
	return 0;
}

int message_send(const struct message_port *port, const union message *message, int pass_fd)
{
	const struct message_rule *rule = process_rule(message->head.type, port->self, port->peer);
	struct message_head head = message->head;
	/* The head goes out with its size filled in; iovecs aren't const, sendmsg() only reads. */
	struct iovec parts[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)(message->bytes + sizeof(head)) },
	};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct msghdr packet = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };

	if (!rule || !(rule->states & port->state) || rule->carries_socket != (pass_fd >= 0))
		return fail(-EPERM, "%s may not send message %u to %s now (bug)",
			    process_table[port->self].name, message->head.type,
			    process_table[port->peer].name);
	head.size_bytes = (uint32_t)rule->size_bytes;
	parts[1].iov_len = rule->size_bytes - sizeof(head);
	if (rule->carries_socket) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &pass_fd, sizeof(int));
		packet.msg_control = &control;
		packet.msg_controllen = sizeof(control);
	}
	for (;;) {
		if (sendmsg(port->fd, &packet, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			return MESSAGE_LATER;
		if (errno == EPIPE || errno == ECONNRESET)
			return MESSAGE_END;
		return fail(-errno, "can't send to %s: %m", process_table[port->peer].name);
	}
}

/* Takes the sockets out of the control data; all but the first are closed at once. */
static size_t take_sockets(struct msghdr *packet, int *ret_first)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(packet); c; c = CMSG_NXTHDR(packet, c)) {
		size_t here;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++, count++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count == 0)
				*ret_first = fd;
			else
				close(fd);
		}
	}
	return count;
}

int message_receive(const struct message_port *port, union message *ret, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	union message in;
	struct iovec part = { .iov_base = &in, .iov_len = sizeof(in) };
	struct msghdr packet = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	CLEANUP_CLOSE int fd = -1;
	size_t sockets;
	ssize_t len;
	int r;

	do {
		len = recvmsg(port->fd, &packet, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return MESSAGE_LATER;
	if (len == 0 || (len < 0 && errno == ECONNRESET))
		return MESSAGE_END;
	if (len < 0)
		return fail(-errno, "can't receive from %s: %m", process_table[port->peer].name);
	sockets = take_sockets(&packet, &fd);
	if (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return fail(-EPROTO, "%s sent too much at once", process_table[port->peer].name);
	r = message_decode(in.bytes, (size_t)len, sockets, port, ret);
	if (r < 0)
		return r;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 0;
}
