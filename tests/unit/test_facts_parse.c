/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts that facts come from, as kernels and distributions write them, and as nobody should.
 * UNIT_SOURCES: bootstrap/facts_parse.c
 */
#include "bootstrap/facts_parse.h"

#include "tests/unit/unit.h"

static struct facts facts;

static int setup(void **state UNUSED)
{
	memset(&facts, 0, sizeof(facts));
	return 0;
}

static void reads_os_release(void **state UNUSED)
{
	facts_parse_os_release("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian\"\n"
			       "VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n"
			       "ID_LIKE=x\nnonsense\n=\n",
			       &facts);
	assert_string_equal(facts.os_id, "debian");
	assert_string_equal(facts.os_version, "12");
	assert_string_equal(facts.os_pretty, "Debian GNU/Linux 12 (bookworm)");
}

static void reads_memory(void **state UNUSED)
{
	facts_parse_meminfo("MemTotal:        2030424 kB\nMemFree:  1 kB\n", &facts);
	assert_int_equal(facts.memory_bytes, 2030424 * KIB);
	facts_parse_meminfo("MemTotal: 99999999999999999999 kB\nMemTotal:\nMemTotal: x kB\n",
			    &facts);
	assert_int_equal(facts.memory_bytes, 2030424 * KIB);
}

static void reads_which_modules_an_image_gets(void **state UNUSED)
{
	static const struct {
		const char *text, *modules;
	} rows[] = {
		{ "MODULES=most\n", "most" },
		{ "#\n# MODULES: [ most | dep ]\n#\n\n\tMODULES=dep # mine\nBUSYBOX=auto\n",
		  "dep" },
		{ "MODULES=\"most\"\nMODULES='list'\n", "list" },
		{ "#MODULES=dep\nXMODULES=dep\nMODULES=most;\n", "most" },
		{ "BUSYBOX=y\n", "" },
		{ "MODULES=a-word-that-is-longer-than-any\n", "a-word-that-is-" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&facts, 0, sizeof(facts));
		facts_parse_initramfs_conf(rows[i].text, &facts);
		assert_string_equal(facts.initramfs_modules, rows[i].modules);
	}
	facts_parse_initramfs_conf("MODULES=most\n", &facts);
	facts_parse_initramfs_conf("BUSYBOX=y\n", &facts);
	assert_string_equal(facts.initramfs_modules, "most");
}

static void finds_aes(void **state UNUSED)
{
	facts_parse_cpuinfo("model name : aes\nflags\t\t: fpu vme vaes\n", &facts);
	assert_false(facts.has_aes_instructions);
	facts_parse_cpuinfo("flags\t\t: fpu aes xsave\n", &facts);
	assert_true(facts.has_aes_instructions);
}

static void reads_swaps(void **state UNUSED)
{
	size_t i;

	facts_parse_swaps("Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
			  "/dev/vda5                               partition\t1\t0\t-2\n"
			  "/swap\\040file file 1 0 -3\n",
			  &facts);
	assert_int_equal(facts.swap_count, 2);
	assert_string_equal(facts.swaps[0], "/dev/vda5");
	assert_string_equal(facts.swaps[1], "/swap file");
	for (i = 0; i < 2 * FACTS_LIST_MAX; i++)
		facts_parse_swaps("/dev/x partition 1\n", &facts);
	assert_int_equal(facts.swap_count, FACTS_LIST_MAX);
}

static void reads_resolvers(void **state UNUSED)
{
	facts_parse_resolv("# comment\nnameserver 10.0.2.3\nsearch example.com\n"
			   "nameserver\t2001:db8::1\nnameserver not-an-address\nnameserver\n"
			   "nameserver 1.2.3\n",
			   &facts);
	assert_int_equal(facts.dns_count, 2);
	assert_string_equal(facts.dns[0], "10.0.2.3");
	assert_string_equal(facts.dns[1], "2001:db8::1");
}

#define ROUTE4_HEAD                                                                                \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void takes_the_best_route(void **state UNUSED)
{
	/* The kernel prints the four bytes as a number of the host; this machine is little-endian.
	 */
	facts_parse_route4(ROUTE4_HEAD
			   "ens4\t00000000\t0101A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n"
			   "ens3\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
			   "ens5\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
			   "ens6\t00000000\t0303000A\t0003\t0\t0\t100\t00000080\t0\t0\t0\n",
			   &facts);
	assert_string_equal(facts.net_interface, "ens3");
	assert_string_equal(facts.net_gateway4, "10.0.2.2");
}

static void knows_a_route_on_the_link(void **state UNUSED)
{
	facts_parse_route4(
		ROUTE4_HEAD "eth0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", &facts);
	assert_string_equal(facts.net_interface, "eth0");
	assert_string_equal(facts.net_gateway4, "");
}

static void ignores_malformed_routes(void **state UNUSED)
{
	facts_parse_route4(ROUTE4_HEAD "ens3\t00000000\t02\t3\t0\t0\t0\t00000000\n"
				       "ens3\t00000000\tZZZZZZZZ\t3\t0\t0\t0\t00000000\n"
				       "ens3\t00000000\t0202000A\t3\t0\t0\tx\t00000000\n"
				       "ens3\t00000000\n\n\t\t\n",
			   &facts);
	assert_string_equal(facts.net_interface, "");
}

#define ZERO32 "00000000000000000000000000000000"

static void reads_ipv6_routes(void **state UNUSED)
{
	facts_parse_route6(ZERO32 " 00 " ZERO32 " 00 " ZERO32 " ffffffff 1 0 00200200 lo\n" ZERO32
				  " 00 " ZERO32 " 00 fe800000000000000000000000000002 00000400 1 0 "
				  "00450003 ens3\n",
			   &facts);
	assert_string_equal(facts.net_interface, "ens3");
	assert_string_equal(facts.net_gateway6, "fe80::2");
}

static void the_ipv4_route_names_the_interface(void **state UNUSED)
{
	strcpy(facts.net_interface, "ens9");
	facts_parse_route6(ZERO32 " 00 " ZERO32
				  " 00 fe800000000000000000000000000002 00000400 1 0 1 ens3\n",
			   &facts);
	assert_string_equal(facts.net_interface, "ens9");
}

static void finds_the_container(void **state UNUSED)
{
	static const char block[] = "PATH=/bin\0container=lxc\0HOME=/";
	static const char cut[] = { 'c', 'o', 'n', 't', 'a', 'i', 'n', 'e', 'r', '=' };
	char kind[4];

	facts_parse_environ(block, sizeof(block), kind, sizeof(kind));
	assert_string_equal(kind, "lxc");
	facts_parse_environ(cut, sizeof(cut), kind, sizeof(kind));
	assert_string_equal(kind, "");
	facts_parse_environ("", 0, kind, sizeof(kind));
	assert_string_equal(kind, "");
	facts_parse_environ("container=systemd-nspawn", 24, kind, sizeof(kind));
	assert_string_equal(kind, "sys");
}

static void unescapes(void **state UNUSED)
{
	char text[] = "a\\040b\\134c\\9\\04";

	facts_unescape(text);
	assert_string_equal(text, "a b\\c\\9\\04");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_os_release, setup),
		cmocka_unit_test_setup(reads_memory, setup),
		cmocka_unit_test_setup(finds_aes, setup),
		cmocka_unit_test_setup(reads_which_modules_an_image_gets, setup),
		cmocka_unit_test_setup(reads_swaps, setup),
		cmocka_unit_test_setup(reads_resolvers, setup),
		cmocka_unit_test_setup(takes_the_best_route, setup),
		cmocka_unit_test_setup(knows_a_route_on_the_link, setup),
		cmocka_unit_test_setup(ignores_malformed_routes, setup),
		cmocka_unit_test_setup(reads_ipv6_routes, setup),
		cmocka_unit_test_setup(the_ipv4_route_names_the_interface, setup),
		cmocka_unit_test_setup(finds_the_container, setup),
		cmocka_unit_test_setup(unescapes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
