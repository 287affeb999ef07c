/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `verify` says of the recovery slot, on real headers, after the distribution's own cryptsetup
 * has taken the slot away, changed it, or added another.
 * UNIT_SOURCES: bootstrap/recovery_proof.c bootstrap/luks.c bootstrap/luks_json.c
 * UNIT_SOURCES: bootstrap/luks_slot.c bootstrap/luks_look.c bootstrap/luks_token.c
 * UNIT_SOURCES: bootstrap/recovery.c bootstrap/cipher.c
 */
#include "bootstrap/recovery_proof.h"

#include "bootstrap/recovery.h"
#include "bootstrap/unlock.h"
#include "common/file.h"

#include "tests/unit/unit.h"

#define UUID "0b5d2c1e-0000-4000-8000-000000000001"
#define CLEVIS "Zm9ydHktdGhyZWUgY2hhcmFjdGVycyBvZiBiYXNlNjR1cmw"
#define OWN "correct horse battery staple"
#define CLEVIS_SLOT 1

static char folder[] = "/tmp/panocrypt-test-proof.XXXXXX";
static char header[128], device[128], output[128], new_file[128];
static struct secret volume_key, own, clevis;
static struct recovery_proof proof;

int unlock_volume_key(const char *luks_uuid, const struct luks_where *where UNUSED,
		      struct secret *ret)
{
	assert_string_equal(luks_uuid, UUID);
	return secret_copy(ret, volume_key.data, volume_key.len);
}

/* In the folder; "device", "new" and "own" are files there. */
static int sh(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && bash -c '%s' >/dev/null 2>&1", folder, command);
	return system(line); /* NOLINT: a test's own words */
}

static void secret_of(struct secret *ret, const char *text)
{
	assert_ok(secret_copy(ret, text, strlen(text)));
}

static int make(void **state)
{
	const struct luks_format format = { UUID, cipher_default(), 16 * MIB, 4096, 64 * KIB };
	CLEANUP_JSON json_t *jwe = json_pack("{s:s}", "protected", "x");
	const struct luks_where where = { header, NULL };

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(header, sizeof(header), "%s/header.img", folder);
	snprintf(device, sizeof(device), "%s/device", folder);
	snprintf(output, sizeof(output), "%s/recovery.txt", folder);
	snprintf(new_file, sizeof(new_file), "%s/new", folder);
	secret_of(&own, OWN);
	secret_of(&clevis, CLEVIS);
	assert_int_equal(sh("truncate -s 128M data; umask 077; printf %s \"" OWN "\" >own"), 0);
	snprintf(device, sizeof(device), "%s/data", folder);
	assert_ok(luks_make_header(header, device, &format, &own, &volume_key));
	assert_ok(luks_bind_clevis(&where, &volume_key, &clevis, jwe));
	assert_ok(recovery_seal(&where, &volume_key, &own));
	snprintf(device, sizeof(device), "%s/device", folder);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	secret_done(&volume_key);
	secret_done(&own);
	secret_done(&clevis);
	return sh("rm -r \"$PWD\"");
}

/* The disk as `header` has made it. */
static void fresh(bool is_generated)
{
	assert_int_equal(sh("rm -f recovery.txt new; cp header.img device"), 0);
	proof = (struct recovery_proof){ .where = { device, NULL },
					 .luks_uuid = UUID,
					 .copy = header,
					 .is_generated = is_generated,
					 .output = output };
}

static void kill_slot(void)
{
	assert_int_equal(sh("cryptsetup luksKillSlot --batch-mode device 0"), 0);
}

/* As the sentence says, but for the server. The file has a newline, what cryptsetup gets has none:
 * it would be typed. */
static void add_another(void)
{
	assert_int_equal(
		sh("umask 077; echo another one >new && "
		   "printf %s \"another one\" | cryptsetup luksAddKey --batch-mode "
		   "--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file <(printf %s " CLEVIS
		   ") device"),
		0);
}

static void assert_stopped(void)
{
	assert_int_equal(recovery_prove(&proof), -ENOKEY);
	assert_said("keyslot 0 was taken away or changed");
	assert_said("cryptsetup luksAddKey");
	assert_said("clevis luks pass -d");
	assert_said("-s 1");
	assert_said("run --recovery-passphrase-file FILE");
	/* and the machine boots on */
	assert_int_equal(luks_try_passphrase(&proof.where, &clevis), CLEVIS_SLOT);
}

static bool has_sealed(void)
{
	CLEANUP_SECRET struct secret sealed = SECRET_EMPTY;
	int r = recovery_open(&proof.where, &volume_key, &sealed);

	return r == 0;
}

static void own_passphrase(void **state)
{
	(void)state;
	fresh(false);
	assert_ok(recovery_prove(&proof));
	kill_slot();
	assert_stopped();
	fresh(false);
	assert_int_equal(sh("umask 077; printf %s changed >new && cryptsetup luksChangeKey "
			    "--batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-slot "
			    "0 --key-file own device new"),
			 0);
	assert_stopped();
	proof.new_file = new_file;
	assert_ok(recovery_prove(&proof));
}

static void generated_passphrase(void **state)
{
	CLEANUP_FREE char *text = NULL;

	(void)state;
	fresh(true);
	assert_ok(recovery_prove(&proof));
	assert_ok(file_read(output, 100, &text, NULL));
	assert_string_equal(text, OWN "\n");
	assert_false(has_sealed());
	assert_ok(recovery_prove(&proof)); /* as after a cut behind it */
	fresh(true);
	kill_slot();
	assert_stopped();
	assert_true(has_sealed());
	assert_false(file_exists(output)); /* nobody gets what opens nothing */
}

static void another_one_does(void **state)
{
	(void)state;
	for (int is_generated = 0; is_generated < 2; is_generated++) {
		fresh(is_generated);
		kill_slot();
		add_another();
		assert_stopped(); /* it has to be shown */
		proof.new_file = new_file;
		assert_ok(recovery_prove(&proof));
		assert_false(has_sealed());
	}
}

static void not_any_file_does(void **state)
{
	(void)state;
	fresh(false);
	kill_slot();
	proof.new_file = new_file;
	assert_true(recovery_prove(&proof) < 0);
	assert_said(new_file);
	assert_int_equal(sh("umask 077; echo wrong >new"), 0);
	assert_stopped();
	assert_int_equal(sh("printf %s " CLEVIS " >new"), 0);
	assert_int_equal(recovery_prove(&proof), -EINVAL);
	assert_said("another one");
	assert_int_equal(sh("chmod 644 new"), 0);
	assert_true(recovery_prove(&proof) < 0);
}

static void without_the_copy_nothing_is_known(void **state)
{
	(void)state;
	fresh(false);
	proof.copy = "/nowhere/header.img";
	assert_true(recovery_prove(&proof) < 0);
	assert_said("/nowhere/header.img");
	assert_true(strstr(fail_text(), "luksAddKey") == NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_passphrase),
		cmocka_unit_test(generated_passphrase),
		cmocka_unit_test(another_one_does),
		cmocka_unit_test(not_any_file_does),
		cmocka_unit_test(without_the_copy_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, make, drop);
}
