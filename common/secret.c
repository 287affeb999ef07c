/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locked, wiped memory for key bytes. Each secret has its own pages, so that locking, keeping out
 * of core dumps and wiping in forked children (all of which work on whole pages) never touch
 * anybody else's memory.
 */
#include "common/secret.h"

#include "common/aead.h"
#include "common/err.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SECRET_MAX_BYTES MIB

static size_t pages_for(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page) / page * page; /* at least one byte more than len: the zero behind it */
}

int secret_alloc(struct secret *ret, size_t len)
{
	size_t bytes;
	void *data;

	if (len == 0 || len > SECRET_MAX_BYTES)
		return fail(-EINVAL, "a secret of %zu bytes is not possible (1 byte to 1 MiB)",
			    len);
	bytes = pages_for(len);
	data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return fail(-ENOMEM, "no memory for a secret: free some memory and run again");
	/* A child that forks without exec finds zeros, a core dump nothing (madvise(2)). */
	if (mlock(data, bytes) < 0 || madvise(data, bytes, MADV_DONTDUMP) < 0 ||
	    madvise(data, bytes, MADV_WIPEONFORK) < 0) {
		munmap(data, bytes);
		return fail(-ENOMEM,
			    "memory for a secret can't be locked: raise the limit (ulimit -l)");
	}
	*ret = (struct secret){ data, len, bytes };
	return 0;
}

int secret_copy(struct secret *ret, const void *data, size_t len)
{
	int r;

	r = secret_alloc(ret, len);
	if (r < 0)
		return r;
	memcpy(ret->data, data, len);
	return 0;
}

int secret_random(struct secret *ret, size_t len)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r;

	r = secret_alloc(&secret, len);
	if (r < 0)
		return r;
	r = random_bytes(secret.data, len);
	if (r < 0)
		return r;
	*ret = secret;
	secret = SECRET_EMPTY;
	return 0;
}

/* Fills data until the end of fd or room bytes; returns how many, or -errno. */
static ssize_t read_up_to(int fd, uint8_t *data, size_t room)
{
	size_t have = 0;

	while (have < room) {
		ssize_t n = read(fd, data + have, room - have);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			have += (size_t)n;
	}
	return (ssize_t)have;
}

int secret_read_fd(struct secret *ret, int fd, size_t max_bytes)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	ssize_t have;
	int r;

	if (max_bytes >= SECRET_MAX_BYTES)
		return fail(-EINVAL, "a secret can't be read with a limit of %zu bytes", max_bytes);
	r = secret_alloc(&secret, max_bytes + 1); /* one more, to see that there is more */
	if (r < 0)
		return r;
	have = read_up_to(fd, secret.data, secret.len);
	if (have < 0)
		return fail((int)have, "reading a secret: %s", strerror((int)-have));
	if (have == 0)
		return fail(-ENODATA, "the secret is empty");
	if ((size_t)have > max_bytes)
		return fail(-E2BIG, "the secret is longer than %zu bytes", max_bytes);
	secret.len = (size_t)have;
	*ret = secret;
	secret = SECRET_EMPTY;
	return 0;
}

int secret_read_file(struct secret *ret, const char *path, size_t max_bytes)
{
	CLEANUP_CLOSE int fd = -1;
	struct stat st;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(-errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		return fail(-errno, "%s: %s", path, strerror(errno));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(-EACCES,
			    "%s: others than its owner can use it: chmod 600 %s, run again", path,
			    path);
	r = secret_read_fd(ret, fd, max_bytes);
	if (r < 0)
		return fail_at(r, "%s", path);
	return 0;
}

void secret_trim_newline(struct secret *secret)
{
	while (secret->len > 0 && secret->data[secret->len - 1] == '\n') {
		secret->data[--secret->len] = 0;
		if (secret->len > 0 && secret->data[secret->len - 1] == '\r')
			secret->data[--secret->len] = 0;
	}
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && bytes_equal_ct(a->data, b->data, a->len);
}

void secret_done(struct secret *secret)
{
	int saved = errno;

	if (secret->data) {
		secret_wipe(secret->data, secret->mapped_bytes);
		munmap(secret->data, secret->mapped_bytes); /* also unlocks */
	}
	*secret = SECRET_EMPTY;
	errno = saved;
}

void secret_wipe(void *data, size_t len)
{
	explicit_bzero(data, len);
}

int secret_guard_process(void)
{
	const struct rlimit none = { 0, 0 };

	/* PR_SET_DUMPABLE 0 forbids core files and ptrace by processes without CAP_SYS_PTRACE
	 * (prctl(2)). */
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(-errno, "core dumps can't be forbidden: %s", strerror(errno));
	return 0;
}
