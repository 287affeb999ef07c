/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An nbdkit plugin: a disk with a volatile write cache (cache.h), under a machine whose power goes
 * at a chosen moment (moment.h). Then it kills the machine (SIGKILL), loses what the seed says,
 * writes down what happened, and answers nobody any more.
 *
 *   file=PATH       the disk; what stands in there is durable
 *   console=PATH    what the machine says, from its byte from=N on
 *   phases=A,B,…    in their order; phase=B ops=N ms=N: when it is cut, whichever comes first;
 * at=flush: at the first flush of something from that operation on seed=N          of what is lost
 *   victim=PATH     a file with the process id of the machine
 *   report=PATH     one line once it was cut; PATH.trace: phases and their operations, as they pass
 */
#define NBDKIT_API_VERSION 2
#include "tests/powercut/cache.h"
#include "tests/powercut/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nbdkit-plugin.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS
#define LOOK_MS 5

static struct {
	char *file, *console, *phases, *phase, *at, *victim, *report;
	uint64_t from, ops, ms, seed;
} options;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t never;
	struct cache cache;
	struct moment moment;
	FILE *trace;
	int console_fd;
	bool is_cut;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .never = PTHREAD_COND_INITIALIZER, .console_fd = -1 };

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static _Noreturn void give_up(const char *what, int r)
{
	nbdkit_error("%s: %s", what, strerror(-r));
	_exit(1); /* the machine sees its disk vanish, and the test no report */
}

/* --- options ---------------------------------------------------------------------------------- */

static int disk_config(const char *key, const char *value)
{
	const struct {
		const char *key;
		char **text;
		uint64_t *number;
	} table[] = {
		{ "file", &options.file, NULL },     { "console", &options.console, NULL },
		{ "phases", &options.phases, NULL }, { "phase", &options.phase, NULL },
		{ "victim", &options.victim, NULL }, { "report", &options.report, NULL },
		{ "from", NULL, &options.from },     { "ops", NULL, &options.ops },
		{ "at", &options.at, NULL },	     { "ms", NULL, &options.ms },
		{ "seed", NULL, &options.seed },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].key, key) != 0)
			continue;
		if (table[i].number)
			return nbdkit_parse_uint64_t(key, value, table[i].number);
		free(*table[i].text);
		*table[i].text = strdup(value);
		return *table[i].text ? 0 : -1;
	}
	nbdkit_error("%s is not a parameter", key);
	return -1;
}

static int disk_config_complete(void)
{
	if (!options.file || !options.console || !options.phases || !options.victim ||
	    !options.report) {
		nbdkit_error("file, console, phases, victim and report are needed");
		return -1;
	}
	if (moment_init(&disk.moment, options.phases, options.phase) < 0) {
		nbdkit_error("phase=%s is none of phases=%s", options.phase, options.phases);
		return -1;
	}
	disk.moment.ops_wanted = options.ops;
	disk.moment.ms_wanted = options.ms;
	disk.moment.is_flush_wanted = options.at && strcmp(options.at, "flush") == 0;
	return 0;
}

/* --- the cut ---------------------------------------------------------------------------------- */

static void kill_victim(void)
{
	FILE *file = fopen(options.victim, "re");
	int pid = 0;

	if (!file || fscanf(file, "%d", &pid) != 1 || pid <= 1 || kill(pid, SIGKILL) < 0)
		give_up("the machine can't be killed", -errno);
	fclose(file);
}

static void write_report(const char *why, size_t unflushed, const struct cache_loss *loss)
{
	char *name = NULL;
	FILE *file;

	if (asprintf(&name, "%s.new", options.report) < 0)
		give_up("report", -ENOMEM);
	file = fopen(name, "we");
	if (!file)
		give_up(name, -errno);
	fprintf(file, "phase=%s ops=%" PRIu64 " by=%s unflushed=%zu kept=%zu torn=%zu lost=%zu\n",
		disk.moment.now, disk.moment.ops, why, unflushed, loss->kept, loss->torn,
		loss->lost);
	if (fclose(file) != 0 || rename(name, options.report) < 0)
		give_up(name, -errno);
	free(name);
}

static void read_console(void)
{
	char text[4096], was[MOMENT_NAME_MAX];
	ssize_t n;

	while ((n = pread(disk.console_fd, text, sizeof(text), (off_t)options.from)) > 0) {
		/* by lines, so that the trace has each phase */
		for (ssize_t i = 0, end; i < n; i = end) {
			const uint64_t ops = disk.moment.ops;
			const char *newline = memchr(text + i, '\n', (size_t)(n - i));

			end = newline ? newline - text + 1 : n;
			memcpy(was, disk.moment.now, sizeof(was));
			if (moment_console(&disk.moment, text + i, (size_t)(end - i), now_ms()))
				fprintf(disk.trace, "%s %" PRIu64 "\n", was, ops);
		}
		options.from += (uint64_t)n;
	}
}

/* With the lock held. True: the power is gone. */
static bool look(enum moment_op op)
{
	struct cache_loss loss;
	const char *why;
	size_t unflushed;
	int r;

	if (disk.is_cut)
		return true;
	read_console();
	why = moment_due(&disk.moment, op, now_ms());
	if (!why)
		return false;
	disk.is_cut = true;
	kill_victim();
	unflushed = disk.cache.op_count;
	r = cache_cut(&disk.cache, options.seed, &loss);
	if (r < 0)
		give_up("the cut", r);
	write_report(why, unflushed, &loss);
	return true;
}

/* A moment may be so long after a phase began, with no operation of the disk to look at: so time is
 * looked at, too. */
static void *clock_thread(void *unused UNUSED)
{
	bool is_cut = false;

	while (!is_cut) {
		usleep(LOOK_MS * 1000);
		pthread_mutex_lock(&disk.lock);
		is_cut = look(MOMENT_NO_OP);
		pthread_mutex_unlock(&disk.lock);
	}
	return NULL;
}

static int disk_after_fork(void)
{
	char *name = NULL;
	pthread_t thread;
	int r = cache_open(&disk.cache, options.file);

	if (r < 0)
		give_up(options.file, r);
	disk.console_fd = open(options.console, O_RDONLY | O_CLOEXEC);
	if (disk.console_fd < 0)
		give_up(options.console, -errno);
	if (asprintf(&name, "%s.trace", options.report) < 0 || !(disk.trace = fopen(name, "ae")))
		give_up("trace", -errno);
	setvbuf(disk.trace, NULL, _IOLBF, 0);
	free(name);
	return pthread_create(&thread, NULL, clock_thread, NULL) == 0 ? 0 : -1;
}

/* An orderly end of the machine: everything was written out. */
static void disk_unload(void)
{
	if (disk.trace && !disk.is_cut && cache_flush(&disk.cache) < 0)
		give_up("the last flush", -EIO);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Takes the lock; a machine without power gets no answer, ever. */
static void begin(enum moment_op op)
{
	pthread_mutex_lock(&disk.lock);
	while (look(op))
		pthread_cond_wait(&disk.never, &disk.lock);
}

static int end(int r)
{
	pthread_mutex_unlock(&disk.lock);
	if (r < 0) {
		nbdkit_set_error(-r);
		nbdkit_error("%s: %s", options.file, strerror(-r));
	}
	return r < 0 ? -1 : 0;
}

/* A write that is under way when the power goes is one of those that may be there in part. */
static int put(const void *data, uint32_t len, uint64_t offset)
{
	int r;

	begin(MOMENT_NO_OP);
	r = cache_write(&disk.cache, offset, data, len);
	pthread_mutex_unlock(&disk.lock);
	begin(MOMENT_OTHER);
	return end(r);
}

static void *disk_open(int is_readonly UNUSED)
{
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t disk_get_size(void *handle UNUSED)
{
	return (int64_t)disk.cache.size_bytes;
}

static int disk_yes(void *handle UNUSED)
{
	return 1;
}

static int disk_pread(void *handle UNUSED, void *buf, uint32_t len, uint64_t offset,
		      uint32_t flags UNUSED)
{
	begin(MOMENT_NO_OP);
	return end(cache_read(&disk.cache, offset, buf, len));
}

static int disk_pwrite(void *handle UNUSED, const void *buf, uint32_t len, uint64_t offset,
		       uint32_t flags UNUSED)
{
	return put(buf, len, offset);
}

static int disk_zero(void *handle UNUSED, uint32_t len, uint64_t offset, uint32_t flags UNUSED)
{
	return put(NULL, len, offset);
}

static int disk_flush(void *handle UNUSED, uint32_t flags UNUSED)
{
	begin(disk.cache.op_count > 0 ? MOMENT_FLUSH : MOMENT_OTHER);
	return end(cache_flush(&disk.cache));
}

/* No can_fua: nbdkit then flushes behind a write that asks for it, which is what a disk without FUA
 * makes Linux do. */
static struct nbdkit_plugin plugin = {
	.name = "powercut",
	.version = PANOCRYPT_VERSION,
	.longname = "a disk with a volatile write cache, and a power cut",
	.unload = disk_unload,
	.config = disk_config,
	.config_complete = disk_config_complete,
	.after_fork = disk_after_fork,
	.open = disk_open,
	.get_size = disk_get_size,
	.can_write = disk_yes,
	.can_flush = disk_yes,
	.can_trim = disk_yes,
	.can_zero = disk_yes,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.flush = disk_flush,
	.zero = disk_zero,
	.trim = disk_zero,
};

NBDKIT_REGISTER_PLUGIN(plugin)
