/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sending and receiving the messages of message.h on a SOCK_SEQPACKET pair, checked against the
 * table of process.c in both directions. Decoding is a pure function (and fuzzed). Knows no
 * meaning of a message.
 */
#pragma once

#include "server/message.h"
#include "server/process.h"

/* Room for any message, aligned for each. */
union message {
	struct message_head head;
	struct message_connection connection;
	struct message_advertise advertise;
	struct message_advertisement advertisement;
	struct message_exchange exchange;
	struct message_exchanged exchanged;
	struct message_redeem redeem;
	struct message_mint mint;
	struct message_redeemed redeemed;
	struct message_mint_key mint_key;
	struct message_rotate rotate;
	struct message_key_minted key_minted;
	struct message_health health;
	struct message_explain explain;
	struct message_explained explained;
	struct message_deliver deliver;
	struct message_delivered delivered;
	struct message_consult consult;
	struct message_consulted consulted;
	uint8_t bytes[MESSAGE_MAX_BYTES];
};

/* One end of a pair. */
struct message_port {
	int fd;
	enum process_kind self, peer;
	enum process_state state; /* of self */
};

/* Outcomes besides 0. */
enum { MESSAGE_LATER = 1, MESSAGE_END = 2 };

/* A new pair, close-on-exec, blocking; ret[0] and ret[1] are alike. */
int message_pair(int ret[2]) MUST_CHECK;

/* Fills the head: everything else of the message is zeroed, so that no old memory leaves the
 * process. */
void message_start(union message *message, enum message_type type, uint64_t connection,
		   uint64_t request);

/* Sends message (started by message_start) and, where the rule says so, a socket, which stays the
 * caller's. MESSAGE_LATER: the queue is full (non-blocking ports). -EPERM: the table forbids it,
 * a bug of the caller. MESSAGE_END: the peer is gone. Blocking ports wait instead of
 * MESSAGE_LATER. */
int message_send(const struct message_port *port, const union message *message,
		 int pass_fd) MUST_CHECK;

/* Receives one message. MESSAGE_LATER: nothing there (non-blocking ports); MESSAGE_END: the peer
 * is gone. -EPROTO with a sentence: the peer broke the table; the receiver must not talk to it
 * again. *ret_fd: the socket that came along, or -1; the caller closes it. ret_fd may be NULL
 * where no rule brings one. */
int message_receive(const struct message_port *port, union message *ret, int *ret_fd) MUST_CHECK;

/* The pure half of message_receive(): is this datagram, with this many sockets, one that the peer
 * may send to self? Copies it zero-padded. -EPROTO with a sentence. */
int message_decode(const uint8_t *data, size_t len, size_t sockets, const struct message_port *port,
		   union message *ret) MUST_CHECK;
