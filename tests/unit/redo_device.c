/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See redo_device.h. */
#include "tests/unit/redo_device.h"

#include "bootstrap/fs.h"
#include "bootstrap/view.h"

#include "tests/unit/cut_region.h"
#include "tests/unit/unit.h"

char redo_folder[] = "/tmp/panocrypt-redo-XXXXXX";
char redo_device[64];
struct secret redo_key;

int redo_sh(const char *format, ...)
{
	char script[1024];
	struct spawn shell = { .argv = { "sh", "-euc", script } };
	va_list args;

	va_start(args, format);
	vsnprintf(script, sizeof(script), format, args);
	va_end(args);
	return spawn_run(&shell);
}

char *redo_device_files(void)
{
	char script[500];
	struct spawn shell = { .argv = { "sh", "-euc", script } };
	char *text = NULL;

	snprintf(script, sizeof(script),
		 "rm -rf %s/out; mkdir %s/out; debugfs -R 'rdump / %s/out' %s 2>/dev/null; "
		 "cd %s/out; find . -type f -exec sha256sum {} + | sort; find . -type l -o -type d "
		 "| sort",
		 redo_folder, redo_folder, redo_folder, redo_device, redo_folder);
	assert_ok(spawn_text(&shell, &text));
	assert_true(strlen(text) > 1000);
	return text;
}

int redo_folder_make(void **state)
{
	(void)state;
	if (!mkdtemp(redo_folder))
		return -1;
	snprintf(redo_device, sizeof(redo_device), "%s/device", redo_folder);
	return secret_random(&redo_key, REDO_KEY_BYTES);
}

int redo_folder_remove(void **state)
{
	(void)state;
	cut_forget();
	secret_done(&redo_key);
	return redo_sh("rm -rf %s", redo_folder);
}

void redo_device_make(const char *options)
{
	assert_ok(redo_sh(
		"rm -rf %s %s/tree; mkdir -p %s/tree/empty; cd %s/tree; for d in 1 2 3 4; do "
		"mkdir dir$d; for f in 1 2 3 4 5; do head -c $(($d * $f * 30000)) "
		"/dev/urandom >dir$d/file$f; done; done; ln -s dir1/file1 link",
		redo_device, redo_folder, redo_folder, redo_folder));
	assert_ok(redo_sh("truncate -s 200M %s; mke2fs -q -F -t ext4 %s -d %s/tree %s; truncate -s "
			  "%llu %s; resize2fs %s",
			  redo_device, options, redo_folder, redo_device, REDO_DEVICE_BYTES,
			  redo_device, redo_device));
}

void redo_device_log(bool may_move, struct redo *ret, uint64_t *ret_place)
{
	CLEANUP(view_closep) struct view *view = NULL;
	const struct fs *fs = NULL;
	uint64_t from = 0, to = 0, size = 0, unmoved = 0;

	assert_ok(fs_find("ext4", &fs));
	assert_ok(view_open(redo_device, REDO_RECORDS_MAX, &view));
	assert_ok(fs->check(redo_device, view));
	assert_ok((may_move ? fs->least_bytes : fs->unmoved_bytes)(redo_device, view, &unmoved));
	assert_ok(fs->fit_bytes(redo_device, view, REDO_WANTED_BYTES, &size));
	size = MAX(size, unmoved);
	assert_true(size < REDO_DEVICE_BYTES - 32 * MIB);
	assert_ok(fs->shrink(redo_device, view, size));
	assert_ok(fs->check(redo_device, view));
	assert_ok(view_status(view));
	assert_ok(redo_make(redo_device, view, ret));
	assert_in_range(ret->log.count, 10, REDO_RECORDS_MAX);
	assert_ok(redo_window(REDO_DEVICE_BYTES, size, &from, &to));
	assert_ok(fs->find_free(redo_device, from, to, redo_log_bytes(ret->log.count), ret_place));
}
