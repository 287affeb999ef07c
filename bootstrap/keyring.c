/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * add_key(2), keyctl(2): "user" keys in the user keyring of uid 0. No file, no other keyring.
 * Rights go to the uid, not to the possessor: a systemd service's session keyring isn't linked to
 * the user keyring.
 */
#include "bootstrap/keyring.h"

#include "common/err.h"

#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define KEY_TYPE "user"
#define VOLUME_KEY_BYTES_MAX 512

/* keyctl_setperm(3): view, read, write, search, link, setattr for possessor and user; nothing for
 * group and others. */
#define KEY_PERMISSIONS 0x3f3f0000UL

struct key_name {
	char text[64];
};

static struct key_name name_of(const char *luks_uuid, unsigned number)
{
	struct key_name name;

	if (number)
		snprintf(name.text, sizeof(name.text), "panocrypt:%s/%u", luks_uuid, number);
	else
		snprintf(name.text, sizeof(name.text), "panocrypt:%s", luks_uuid);
	return name;
}

static long find_key(const char *luks_uuid, unsigned number)
{
	struct key_name name = name_of(luks_uuid, number);

	return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, KEY_TYPE, name.text, 0);
}

/* Missing, or not there any more. */
static bool is_gone(int error)
{
	return error == ENOKEY || error == EKEYEXPIRED || error == EKEYREVOKED;
}

int keyring_put(const char *luks_uuid, unsigned number, const struct secret *volume_key,
		unsigned timeout_s)
{
	struct key_name name = name_of(luks_uuid, number);
	long id;

	/* Who gives away rights must possess the key. From the session keyring of a shell, or of a
	 * service, it may not be reached; from the process keyring it is, once the user's is in it.
	 * Where that is refused, what follows says so. */
	(void)syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
	id = syscall(SYS_add_key, KEY_TYPE, name.text, volume_key->data, volume_key->len,
		     KEY_SPEC_USER_KEYRING);
	if (id < 0)
		return fail(-errno, "keeping the volume key in the kernel's keyring: %s",
			    strerror(errno));
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, id, KEY_PERMISSIONS) < 0 ||
	    syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, id, timeout_s) < 0) {
		int r = -errno;

		(void)syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING);
		return fail(r, "limiting the volume key in the kernel's keyring: %s", strerror(-r));
	}
	return 0;
}

int keyring_get(const char *luks_uuid, unsigned number, struct secret *ret)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;
	long id = find_key(luks_uuid, number);
	long len = -1;
	int r;

	if (id >= 0)
		len = syscall(SYS_keyctl, KEYCTL_READ, id, NULL, 0);
	if (len < 0 && is_gone(errno)) {
		fail_clear();
		return -ENOKEY;
	}
	if (len <= 0 || len > VOLUME_KEY_BYTES_MAX)
		return fail(len < 0 ? -errno : -EBADMSG,
			    "the kernel's keyring has no usable volume key");
	r = secret_alloc(&key, (size_t)len);
	if (r < 0)
		return r;
	if (syscall(SYS_keyctl, KEYCTL_READ, id, key.data, key.len) != len)
		return fail(-EIO, "reading the volume key from the kernel's keyring failed");
	*ret = key;
	key = SECRET_EMPTY;
	return 0;
}

static int drop_one(const char *luks_uuid, unsigned number)
{
	long id = find_key(luks_uuid, number);

	if (id >= 0 && syscall(SYS_keyctl, KEYCTL_REVOKE, id) == 0)
		(void)syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING);
	else if (!is_gone(errno))
		return fail(-errno, "removing the volume key from the kernel's keyring: %s",
			    strerror(errno));
	return 0;
}

int keyring_drop(const char *luks_uuid)
{
	int r = 0;

	for (unsigned number = 0; number < KEYRING_KEYS; number++) {
		int dropped = drop_one(luks_uuid, number);

		r = r < 0 ? r : dropped;
	}
	return r;
}
