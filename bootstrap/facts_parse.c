/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text in, facts out. No file, no process: tests and the fuzzer call these with anything.
 */
#include "bootstrap/facts_parse.h"

#include "common/file.h"
#include "common/strbuf.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 16

/* Cuts line at white space, in place. */
static size_t split(char *line, char **words, size_t max)
{
	size_t count = 0;
	char *save = NULL, *word;

	for (word = strtok_r(line, " \t", &save); word && count < max;
	     word = strtok_r(NULL, " \t", &save))
		words[count++] = word;
	return count;
}

/* Hands each line to the reader as a private copy; lines too long for a buffer end the reading. */
struct line_reader {
	void (*each)(char *line, struct facts *facts);
	struct facts *facts;
};

static int read_one_line(const char *line, void *userdata)
{
	struct line_reader *reader = userdata;
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", line);
	reader->each(copy, reader->facts);
	return 0;
}

static void read_lines(const char *text, void (*each)(char *line, struct facts *facts),
		       struct facts *facts)
{
	struct line_reader reader = { each, facts };
	int r UNUSED = file_each_line(text, read_one_line, &reader);
}

static void put(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

static void os_release_line(char *line, struct facts *facts)
{
	char *value = strchr(line, '=');
	size_t len;

	if (!value)
		return;
	*value++ = '\0';
	len = strlen(value);
	if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value[len - 1] = '\0';
		value++;
	}
	if (strcmp(line, "ID") == 0)
		put(facts->os_id, sizeof(facts->os_id), value);
	else if (strcmp(line, "VERSION_ID") == 0)
		put(facts->os_version, sizeof(facts->os_version), value);
	else if (strcmp(line, "PRETTY_NAME") == 0)
		put(facts->os_pretty, sizeof(facts->os_pretty), value);
}

void facts_parse_os_release(const char *text, struct facts *facts)
{
	read_lines(text, os_release_line, facts);
}

static void meminfo_line(char *line, struct facts *facts)
{
	char *words[WORDS_MAX];
	uint64_t kib;

	if (split(line, words, WORDS_MAX) < 2 || strcmp(words[0], "MemTotal:") != 0)
		return;
	if (text_u64(words[1], &kib) == 0 && kib < UINT64_MAX / KIB)
		facts->memory_bytes = kib * KIB;
}

void facts_parse_meminfo(const char *text, struct facts *facts)
{
	read_lines(text, meminfo_line, facts);
}

static void cpuinfo_line(char *line, struct facts *facts)
{
	char *colon = strchr(line, ':'), *save = NULL, *word;

	if (!colon || (strncmp(line, "flags", 5) != 0 && strncmp(line, "Features", 8) != 0))
		return;
	for (word = strtok_r(colon + 1, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
		if (strcmp(word, "aes") == 0)
			facts->has_aes_instructions = true;
	}
}

void facts_parse_cpuinfo(const char *text, struct facts *facts)
{
	read_lines(text, cpuinfo_line, facts);
}

static void initramfs_conf_line(char *line, struct facts *facts)
{
	static const char name[] = "MODULES=";
	char *value;

	line += strspn(line, " \t");
	if (strncmp(line, name, strlen(name)) != 0)
		return;
	value = line + strlen(name);
	value += strspn(value, "\"'");
	value[strcspn(value, "\"' \t#;")] = '\0';
	put(facts->initramfs_modules, sizeof(facts->initramfs_modules), value);
}

void facts_parse_initramfs_conf(const char *text, struct facts *facts)
{
	read_lines(text, initramfs_conf_line, facts);
}

void facts_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static void swaps_line(char *line, struct facts *facts)
{
	char *words[WORDS_MAX];

	if (split(line, words, WORDS_MAX) < 3 || words[0][0] != '/' ||
	    facts->swap_count == FACTS_LIST_MAX)
		return;
	facts_unescape(words[0]);
	put(facts->swaps[facts->swap_count++], sizeof(facts->swaps[0]), words[0]);
}

void facts_parse_swaps(const char *text, struct facts *facts)
{
	read_lines(text, swaps_line, facts);
}

static bool is_address(const char *text)
{
	uint8_t address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static void resolv_line(char *line, struct facts *facts)
{
	char *words[WORDS_MAX];

	if (split(line, words, WORDS_MAX) < 2 || strcmp(words[0], "nameserver") != 0)
		return;
	if (is_address(words[1]) && facts->dns_count < FACTS_LIST_MAX)
		put(facts->dns[facts->dns_count++], sizeof(facts->dns[0]), words[1]);
}

void facts_parse_resolv(const char *text, struct facts *facts)
{
	read_lines(text, resolv_line, facts);
}

/* Exactly len bytes of hex digits. */
static bool read_hex(const char *text, uint8_t *ret, size_t len)
{
	return strlen(text) == 2 * len && text_unhex(ret, len, text) == 0;
}

struct best_route {
	struct facts *facts;
	uint64_t metric;
	bool is_found;
};

/* Iface Destination Gateway Flags RefCnt Use Metric Mask …; numbers in host byte order. */
static int route4_line(const char *line, void *userdata)
{
	struct best_route *best = userdata;
	struct facts *facts = best->facts;
	char copy[512], *words[WORDS_MAX];
	uint8_t zero[4], mask[4], bytes[4];
	struct in_addr gateway;
	uint64_t metric = 0;

	put(copy, sizeof(copy), line);
	if (split(copy, words, WORDS_MAX) < 8 || strcmp(words[1], "00000000") != 0 ||
	    !read_hex(words[2], bytes, 4) || !read_hex(words[1], zero, 4) ||
	    !read_hex(words[7], mask, 4) || memcmp(zero, mask, 4) != 0 ||
	    text_u64(words[6], &metric) < 0)
		return 0;
	if (best->is_found && metric >= best->metric)
		return 0;
	best->is_found = true;
	best->metric = metric;
	/* The kernel prints the address as a number: its bytes as %08X of the host's order. */
	gateway.s_addr = (in_addr_t)bytes[0] << 24 | (in_addr_t)bytes[1] << 16 |
			 (in_addr_t)bytes[2] << 8 | bytes[3];
	put(facts->net_interface, sizeof(facts->net_interface), words[0]);
	facts->net_gateway4[0] = '\0';
	if (gateway.s_addr != 0 &&
	    !inet_ntop(AF_INET, &gateway, facts->net_gateway4, sizeof(facts->net_gateway4)))
		facts->net_gateway4[0] = '\0';
	return 0;
}

void facts_parse_route4(const char *text, struct facts *facts)
{
	struct best_route best = { facts, 0, false };
	int r UNUSED = file_each_line(text, route4_line, &best);
}

/* destination prefix source prefix next-hop metric references use flags device */
static int route6_line(const char *line, void *userdata)
{
	struct best_route *best = userdata;
	struct facts *facts = best->facts;
	char copy[512], *words[WORDS_MAX];
	uint8_t zero[16] = { 0 }, destination[16], hop[16], metric[4];
	uint64_t number;

	put(copy, sizeof(copy), line);
	if (split(copy, words, WORDS_MAX) < 10 || strcmp(words[1], "00") != 0 ||
	    strcmp(words[9], "lo") == 0 || !read_hex(words[0], destination, 16) ||
	    memcmp(destination, zero, 16) != 0 || !read_hex(words[4], hop, 16) ||
	    !read_hex(words[5], metric, 4))
		return 0;
	number = (uint64_t)metric[0] << 24 | (uint64_t)metric[1] << 16 | (uint64_t)metric[2] << 8 |
		 metric[3];
	if (best->is_found && number >= best->metric)
		return 0;
	best->is_found = true;
	best->metric = number;
	if (!facts->net_interface[0])
		put(facts->net_interface, sizeof(facts->net_interface), words[9]);
	facts->net_gateway6[0] = '\0';
	if (memcmp(hop, zero, 16) != 0 &&
	    !inet_ntop(AF_INET6, hop, facts->net_gateway6, sizeof(facts->net_gateway6)))
		facts->net_gateway6[0] = '\0';
	return 0;
}

void facts_parse_route6(const char *text, struct facts *facts)
{
	struct best_route best = { facts, 0, false };
	int r UNUSED = file_each_line(text, route6_line, &best);
}

void facts_parse_environ(const char *block, size_t len, char *ret, size_t size)
{
	static const char name[] = "container=";
	size_t at = 0;

	ret[0] = '\0';
	while (at < len) {
		size_t entry = strnlen(block + at, len - at);

		if (entry > sizeof(name) - 1 && memcmp(block + at, name, sizeof(name) - 1) == 0)
			snprintf(ret, size, "%.*s", (int)(entry - sizeof(name) + 1),
				 block + at + sizeof(name) - 1);
		at += entry + 1;
	}
}
