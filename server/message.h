/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every message between the server's processes: fixed layout, fixed size limits, one datagram each
 * on a SOCK_SEQPACKET pair. The table in process.c says who may send which in which state; anything
 * else is fatal for the sender. No message carries a private key. Core never gets foreign bytes,
 * only typed fields (a point is two numbers).
 *
 *	monitor -> core		CONNECTION_OPEN, CONNECTION_CLOSED: the address of a connection,
 *				before its socket is handed over
 *	monitor -> front, admin	SOCKET: connection id, address; the socket rides along (SCM_RIGHTS)
 *	monitor -> front, admin	LEAF: a new certificate and its key, as a file that rides along
 *	front   -> core		ADVERTISE, EXCHANGE, CONNECTION_DONE
 *	core    -> front	ADVERTISEMENT, EXCHANGED, HEALTH
 *	admin   -> core		REDEEM, MINT, MINT_KEY, ROTATE, EXPLAIN, CONSULT, CONNECTION_DONE
 *	core    -> admin	REDEEMED, KEY_MINTED, EXPLAINED, CONSULTED, HEALTH
 *	core    -> courier	DELIVER: what to post, where, whom to trust
 *	courier -> core		DELIVERED: what came back, as numbers
 *
 * READY goes from each process to the monitor. CONNECTION_DONE goes to core first, behind the last
 * question of that connection, and then to the monitor, which counts connections. The monitor sends
 * CONNECTION_CLOSED only for those whose front or admin died; questions that the dead one had
 * already queued may still arrive behind it, and are no breach.
 */
#pragma once

#include "server/authorizer.h"

#define MESSAGE_MAX_BYTES 8192
#define DEVICE_ID_BYTES 16
#define THUMBPRINT_CHARS 43
#define FIELD_BYTES_MAX 66 /* P-521 coordinate */

enum message_type {
	MESSAGE_CONNECTION_OPEN = 1,
	MESSAGE_CONNECTION_CLOSED,
	MESSAGE_SOCKET,
	MESSAGE_CONNECTION_DONE,
	MESSAGE_ADVERTISE,
	MESSAGE_ADVERTISEMENT,
	MESSAGE_EXCHANGE,
	MESSAGE_EXCHANGED,
	MESSAGE_REDEEM,
	MESSAGE_REDEEMED,
	MESSAGE_MINT,
	MESSAGE_READY,
	MESSAGE_MINT_KEY,
	MESSAGE_ROTATE,
	MESSAGE_LEAF,
	MESSAGE_KEY_MINTED,
	MESSAGE_HEALTH,
	MESSAGE_EXPLAIN,
	MESSAGE_EXPLAINED,
	MESSAGE_DELIVER,
	MESSAGE_DELIVERED,
	MESSAGE_CONSULT,
	MESSAGE_CONSULTED,
	MESSAGE_TYPE_COUNT,
};

/* A source address as the monitor saw it. IPv4 is kept as v4-mapped IPv6, so that one comparison
 * serves both. */
struct source_address {
	uint8_t bytes[16];
	uint16_t port;
};

struct message_head {
	uint32_t type;	     /* enum message_type */
	uint32_t size_bytes; /* of the whole message, head included */
	uint64_t connection; /* given by the monitor, never reused */
	uint64_t request;    /* given by the asker, returned in the answer */
};

struct message_connection {
	struct message_head head;
	struct source_address source;
};

struct message_advertise {
	struct message_head head;
	uint8_t device[DEVICE_ID_BYTES];
	char thumbprint[THUMBPRINT_CHARS + 1]; /* "" for plain /adv */
};

struct message_advertisement {
	struct message_head head;
	uint32_t status; /* HTTP status */
	uint32_t len;
	char text[4096]; /* the JWS, len bytes */
};

/* Core says when it stops or starts being able to answer (a full disk, a busy store); connection
 * and request are 0. Core is taken as healthy until it says otherwise. For /healthz. */
struct message_health {
	struct message_head head;
	uint32_t healthy; /* 0 or 1 */
	char reason[128]; /* for people; "" when healthy */
};

enum message_curve { MESSAGE_CURVE_P256 = 1, MESSAGE_CURVE_P521 = 3 };

struct message_exchange {
	struct message_head head;
	uint8_t device[DEVICE_ID_BYTES];
	char thumbprint[THUMBPRINT_CHARS + 1];
	uint32_t curve;
	uint8_t x[FIELD_BYTES_MAX],
		y[FIELD_BYTES_MAX]; /* big-endian, right-aligned to the curve's field size */
};

struct message_exchanged {
	struct message_head head;
	uint32_t status;
	uint32_t curve;
	uint8_t x[FIELD_BYTES_MAX], y[FIELD_BYTES_MAX];
};

struct message_redeem {
	struct message_head head;
	char key[13]; /* normalized enrollment key; wiped by core after use */
	uint8_t nonce[16];
	uint8_t fingerprint[32];
	char hostname[256]; /* claimed by the machine */
	char platform[512]; /* JSON text, claimed by the machine */
};

/* A device without enrollment key, for existing LUKS volumes, asked for by an authenticated admin.
 */
struct message_mint {
	struct message_head head;
	uint8_t organization[16];
	char actor[128];
	char name[256];
	char tags[1024];       /* JSON array text, validated by admin */
	char allow_from[2048]; /* JSON array text of CIDRs, validated by admin */
};

/* New keys for a device, asked for by an authenticated admin; the old ones stay. Answered by
 * REDEEMED: 200, 404 or 409. */
struct message_rotate {
	struct message_head head;
	uint8_t organization[16];
	char actor[128];
	uint8_t device[DEVICE_ID_BYTES];
};

struct message_redeemed {
	struct message_head head;
	uint32_t status; /* HTTP status: 200, 201 or the error's */
	char code[32];	 /* the problem's code; "" on success */
	uint8_t device[DEVICE_ID_BYTES];
	char thumbprint[THUMBPRINT_CHARS + 1]; /* of the signing key */
	char report_token[44];
	uint64_t converting_until_s;
	char organization[128];
	char tags[1024]; /* JSON array text */
};

/* A new enrollment key, asked for by an authenticated admin. Core makes it, since only core can
 * compute the keyed hash that the store keeps; core also writes the audit row. */
struct message_mint_key {
	struct message_head head;
	uint8_t organization[16];
	char actor[128];
	char description[256];
	char tags[1024];	/* JSON array text, validated by admin */
	char allow_from[2048];	/* JSON array text of CIDRs, validated by admin */
	char redeem_from[2048]; /* the same */
	char networks[1024];	/* JSON array text: names of network lists */
	char approval[8];	/* "none", "active", "always" */
	char environment[68], workload[68];
	uint64_t max_uses; /* at least 1 */
	uint64_t expires_in_s, absence_s;
	uint64_t rate_per_hour, live_max; /* 0: no limit */
	uint32_t hold, ephemeral;	  /* 0 or 1 */
};

struct message_key_minted {
	struct message_head head;
	uint32_t status; /* HTTP status: 201 or the error's */
	char code[32];	 /* the problem's code; "" on success */
	char key[13]; /* normalized; its first 4 characters are the id. The only time it is told */
};

/* What would be decided for a device of this organization, if it asked from there now? */
struct message_explain {
	struct message_head head;
	uint8_t organization[16];
	uint8_t device[DEVICE_ID_BYTES];
	struct source_address source;
};

enum message_verdict { MESSAGE_VERDICT_DENY, MESSAGE_VERDICT_ASK, MESSAGE_VERDICT_ALLOW };

#define MESSAGE_RULES_MAX 16
#define MESSAGE_OUTCOME_COUNT 4 /* as many as enum decide_outcome has */

struct message_explained {
	struct message_head head;
	uint32_t status;  /* HTTP status: 200, 404, 503 */
	uint32_t verdict; /* enum message_verdict */
	uint32_t reason;  /* enum reason */
	uint32_t rule_count, has_waiver;
	uint8_t device[DEVICE_ID_BYTES];
	struct source_address source;
	uint8_t waiver[16];  /* that a reply would be spent of */
	char matched[64];    /* the longest range that holds the source; "" */
	char matched_by[80]; /* "allow_from", "registered", or a network list's name */
	struct {
		uint8_t reason; /* enum reason, for the rule's name */
		uint8_t outcome;
	} rules[MESSAGE_RULES_MAX];
};

#define MESSAGE_URL_SIZE 512
#define MESSAGE_CA_SIZE 4096
#define MESSAGE_POST_SIZE 2048

/* Post this to an external authorizer; connection is 0, request names it in the answer. */
struct message_deliver {
	struct message_head head;
	uint32_t timeout_ms;
	char url[MESSAGE_URL_SIZE];
	char ca[MESSAGE_CA_SIZE]; /* PEM; "": the system's bundle */
	char post[MESSAGE_POST_SIZE];
};

/* What came of it. SAID_ALLOW or SAID_DENY: an answer in the right form, whose signature core has
 * yet to check; the members below it count only then. */
struct message_delivered {
	struct message_head head;
	uint32_t cause; /* enum authorizer_cause */
	uint32_t header;
	uint32_t signature_len;
	uint64_t expires_s;
	uint8_t id[AUTHORIZER_ID_BYTES];
	uint8_t signature[AUTHORIZER_SIGNATURE_MAX];
};

/* Ask the organization's authorizer about nothing, to see whether it answers. */
struct message_consult {
	struct message_head head;
	uint8_t organization[16];
};

struct message_consulted {
	struct message_head head;
	uint32_t status; /* HTTP status: 200, 404 (there is none), 503 */
	uint32_t cause;	 /* enum authorizer_cause */
	uint32_t took_ms;
};
