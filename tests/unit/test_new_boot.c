/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Old plaintext in the partition that becomes /boot, with the real mkfs: a device full of a marker,
 * and every state that a power cut can leave of destroying it, torn between sectors. Behind the
 * next run no marker is left; that the search finds one is shown each time before.
 * UNIT_SOURCES: bootstrap/new_boot.c bootstrap/free_space.c bootstrap/free_space_run.c
 * UNIT_SOURCES: tests/unit/cut_region.c
 */
#include "bootstrap/block.h"
#include "bootstrap/free_space.h"
#include "bootstrap/new_boot.h"
#include "bootstrap/spawn.h"
#include "common/file.h"
#include "common/strbuf.h"

#include "tests/unit/cut_region.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

#define DEVICE_BYTES (4 * MIB)
#define MARKER "an old secret, 32 bytes of them."
#define BOOT_UUID "0b5d2c1e-0000-4000-8000-00000000b007"
#define MAGIC_AT 1080
#define UUID_AT 1128 /* of an ext4 */

static char device[] = "/tmp/panocrypt-boot-XXXXXX";
static unsigned filesystems_made;
/* When mkfs begins: it asks the device to forget all the rest, which a file does and a disk may
 * not.
 */
static size_t left;

static size_t markers(void);

/* --- below it --------------------------------------------------------------------------------- */

int block_probe(const char *path, struct block_content *ret)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t magic[2], uuid[16];
	char hex[33];

	memset(ret, 0, sizeof(*ret));
	assert_ok(file_pread_all(fd, magic, sizeof(magic), MAGIC_AT));
	assert_ok(file_pread_all(fd, uuid, sizeof(uuid), UUID_AT));
	if (magic[0] != 0x53 || magic[1] != 0xef)
		return 0;
	text_hex(hex, uuid, sizeof(uuid));
	snprintf(ret->uuid, sizeof(ret->uuid), "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
	return 0;
}

/* From here on a cut leaves a filesystem, and the next run nothing to do: what came before must be
 * durable. */
int spawn_run(const struct spawn *spawn)
{
	char command[256] = "";

	assert_string_equal(spawn->argv[0], "mkfs.ext4");
	assert_true(!cut_is_recording || !cut_event_count || !cut_events[cut_event_count - 1].len);
	for (size_t i = 0; spawn->argv[i]; i++) {
		size_t len = strlen(command);

		snprintf(command + len, sizeof(command) - len, "%s ", spawn->argv[i]);
	}
	left = markers();
	filesystems_made++;
	return system(command) == 0 ? 0 : fail(-EIO, "%s", command);
}

int wiped_next(const struct luks_where *where UNUSED, uint64_t *ret_start UNUSED,
	       uint64_t *ret_next UNUSED)
{
	fail_msg("there is no header here");
	return -EINVAL;
}

int wiped_set_next(const struct luks_where *where UNUSED, uint64_t start UNUSED,
		   uint64_t next UNUSED)
{
	fail_msg("there is no header here");
	return -EINVAL;
}

/* --- a device --------------------------------------------------------------------------------- */

static size_t markers(void)
{
	CLEANUP_FREE char *data = NULL;
	size_t len = 0, count = 0;

	assert_ok(file_read(device, DEVICE_BYTES, &data, &len));
	assert_int_equal(len, DEVICE_BYTES);
	for (size_t at = 0; at < len; at += strlen(MARKER))
		count += memcmp(data + at, MARKER, strlen(MARKER)) == 0;
	return count;
}

static void plant(uint64_t from)
{
	CLEANUP_CLOSE int fd = open(device, O_WRONLY | O_CLOEXEC);
	char kib[KIB];

	for (size_t at = 0; at < sizeof(kib); at += strlen(MARKER))
		memcpy(kib + at, MARKER, strlen(MARKER));
	for (uint64_t at = from; at < DEVICE_BYTES; at += sizeof(kib))
		assert_ok(file_pwrite_all(fd, kib, sizeof(kib), at));
}

static struct intent intent_for(const char *how)
{
	struct intent intent = { .boot_uuid = BOOT_UUID };

	snprintf(intent.free_space, sizeof(intent.free_space), "%s", how);
	return intent;
}

/* Makes the filesystem on a device full of markers, recorded. */
static void make(const char *how)
{
	const struct intent intent = intent_for(how);

	plant(0);
	assert_int_equal(markers(), DEVICE_BYTES / strlen(MARKER));
	cut_forget();
	cut_is_recording = true;
	assert_ok(new_boot_make(&intent, device));
	cut_is_recording = false;
}

static bool is_made(void)
{
	struct block_content content;

	assert_ok(block_probe(device, &content));
	return strcmp(content.uuid, BOOT_UUID) == 0;
}

static int make_device(void **state UNUSED)
{
	int fd = mkstemp(device);

	return fd < 0 || close(fd) < 0 ? -1 : 0;
}

static int remove_device(void **state UNUSED)
{
	cut_forget();
	return unlink(device);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void nothing_is_left(void **state UNUSED)
{
	static const char *const hows[] = { "zero", "random", "discard" };

	for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
		make(hows[i]);
		assert_int_equal(left, 0);
		assert_true(is_made());
	}
	make("keep"); /* as was asked for */
	assert_int_equal(left, DEVICE_BYTES / strlen(MARKER));
	assert_true(is_made());
}

static void nothing_is_left_behind_a_cut(void **state UNUSED)
{
	static const char *const hows[] = { "zero", "random" };
	unsigned partly = 0;
	uint64_t seed = 1;

	for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
		const struct intent intent = intent_for(hows[i]);
		CLEANUP_CLOSE int fd = open(device, O_RDWR | O_CLOEXEC);

		make(hows[i]);
		for (size_t cut = 0; cut <= cut_event_count; cut++) {
			for (unsigned variant = 0; variant < CUT_VARIANTS; variant++) {
				size_t torn;

				cut_rebuild(fd, cut, variant, &seed);
				torn = markers();
				partly += torn > 0 && torn < DEVICE_BYTES / strlen(MARKER);
				assert_false(is_made());
				assert_ok(new_boot_make(&intent, device));
				assert_int_equal(left, 0);
				assert_int_equal(markers(), 0);
				assert_true(is_made());
			}
		}
	}
	assert_true(partly > CUT_VARIANTS);
}

/* mkfs before the flush: the filesystem is there, what was to be destroyed is, too, and nobody
 * looks again. */
static void without_the_flush_it_would_be(void **state UNUSED)
{
	const struct intent intent = intent_for("zero");

	make("zero");
	plant(MIB);
	filesystems_made = 0;
	assert_ok(new_boot_make(&intent, device));
	assert_int_equal(filesystems_made, 0);
	assert_true(markers() > 0);
}

static void an_unknown_way_is_refused(void **state UNUSED)
{
	const struct intent intent = intent_for("burn");

	plant(0);
	filesystems_made = 0;
	assert_int_equal(new_boot_make(&intent, device), -EINVAL);
	assert_int_equal(filesystems_made, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(nothing_is_left_behind_a_cut),
		cmocka_unit_test(without_the_flush_it_would_be),
		cmocka_unit_test(an_unknown_way_is_refused),
	};

	return cmocka_run_group_tests(tests, make_device, remove_device);
}
