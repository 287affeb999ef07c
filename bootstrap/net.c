/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Routes from /proc, addresses by one rtnetlink dump (rtnetlink(7)): an IPv4 address with an end to
 * its life came by DHCP, whichever client got it. Sends nothing to the network.
 */
#include "bootstrap/net.h"

#include "bootstrap/facts_parse.h"
#include "bootstrap/facts_parts.h"
#include "common/cleanup.h"
#include "common/strbuf.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/* systemd-resolved's own list, where /etc/resolv.conf names only its local stub. */
#define RESOLV_UPLINK "/run/systemd/resolve/resolv.conf"
#define RESOLV "/etc/resolv.conf"

struct address {
	uint8_t bytes[16];
	uint32_t flags;
	bool is_found;
};

static void read_attributes(const struct nlmsghdr *header, const struct ifaddrmsg *message,
			    struct address *ret)
{
	int left = (int)IFA_PAYLOAD(header);
	size_t len = message->ifa_family == AF_INET ? 4 : 16;
	const struct rtattr *attribute;

	ret->flags = message->ifa_flags;
	for (attribute = IFA_RTA(message); RTA_OK(attribute, left);
	     attribute = RTA_NEXT(attribute, left)) {
		size_t have = RTA_PAYLOAD(attribute);
		/* On point-to-point links IFA_ADDRESS is the peer; IFA_LOCAL is ours and comes
		 * second. */
		bool is_address = attribute->rta_type == IFA_LOCAL ||
				  (attribute->rta_type == IFA_ADDRESS && !ret->is_found);

		if (is_address && have >= len) {
			memcpy(ret->bytes, RTA_DATA(attribute), len);
			ret->is_found = true;
		} else if (attribute->rta_type == IFA_FLAGS && have >= sizeof(ret->flags)) {
			memcpy(&ret->flags, RTA_DATA(attribute), sizeof(ret->flags));
		}
	}
}

/* The first address of global scope of each family is kept; for IPv6 not a temporary one. */
static void take_address(const struct nlmsghdr *header, unsigned interface, struct facts *facts)
{
	const struct ifaddrmsg *message = NLMSG_DATA(header);
	struct address address = { { 0 }, 0, false };
	bool is_v4 = message->ifa_family == AF_INET;
	char *to = is_v4 ? facts->net_address4 : facts->net_address6;
	char text[INET6_ADDRSTRLEN];

	if (message->ifa_index != interface || message->ifa_scope != RT_SCOPE_UNIVERSE || *to)
		return;
	read_attributes(header, message, &address);
	if (!address.is_found || (!is_v4 && (address.flags & IFA_F_TEMPORARY)) ||
	    !inet_ntop(message->ifa_family, address.bytes, text, sizeof(text)))
		return;
	snprintf(to, sizeof(facts->net_address4), "%s/%u", text, message->ifa_prefixlen);
	if (is_v4)
		facts->is_net_dhcp4 = !(address.flags & IFA_F_PERMANENT);
}

/* Returns false when the dump is over. */
static bool take_messages(const void *data, size_t len, unsigned interface, struct facts *facts)
{
	const struct nlmsghdr *header = data;

	for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
			return false;
		if (header->nlmsg_type == RTM_NEWADDR)
			take_address(header, interface, facts);
	}
	return true;
}

static void look_addresses(unsigned interface, struct facts *facts)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_GETADDR,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.message = { .ifa_family = AF_UNSPEC },
	};
	uint32_t answer[8192]; /* aligned for nlmsghdr */
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return;
	do {
		n = recv(fd, answer, sizeof(answer), 0);
	} while (n > 0 && take_messages(answer, (size_t)n, interface, facts));
}

static void look_mac(struct facts *facts)
{
	CLEANUP_FREE char *path = NULL, *text = NULL;

	if (text_format(&path, "/sys/class/net/%s/address", facts->net_interface) < 0)
		return;
	text = facts_read(path);
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) < sizeof(facts->net_mac))
		memcpy(facts->net_mac, text, strlen(text) + 1);
}

void net_look(struct facts *facts)
{
	CLEANUP_FREE char *route4 = facts_read("/proc/net/route");
	CLEANUP_FREE char *route6 = facts_read("/proc/net/ipv6_route");
	CLEANUP_FREE char *uplink = facts_read(RESOLV_UPLINK);
	CLEANUP_FREE char *resolv = facts_read(RESOLV);

	facts_parse_route4(route4, facts);
	facts_parse_route6(route6, facts);
	facts_parse_resolv(uplink, facts);
	if (facts->dns_count == 0)
		facts_parse_resolv(resolv, facts);
	if (!facts->net_interface[0])
		return;
	look_mac(facts);
	look_addresses(if_nametoindex(facts->net_interface), facts);
}
