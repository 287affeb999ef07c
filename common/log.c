/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines for people, to stderr and (boot step) the kernel log. One write per line, so that lines of
 * several processes don't mix. Keeps errno.
 */
#include "common/log.h"

#include "common/cleanup.h"
#include "common/err.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#define LOG_LINE_BYTES 2048

static struct {
	const char *name;
	int kmsg_fd;
	enum log_level most;
	bool has_prefix;
} logger = { "panocrypt", -1, LOG_LEVEL_INFO, false };

void log_open(const char *name, bool to_kmsg, enum log_level most)
{
	logger.name = name;
	logger.most = most;
	logger.has_prefix = getenv("JOURNAL_STREAM") !=
			    NULL; /* sd-daemon(3): <N> gives the priority */
	if (to_kmsg && logger.kmsg_fd < 0)
		logger.kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

/* What can't be logged is lost on purpose: there is nobody to tell. */
static void write_line(int fd, const char *line)
{
	ssize_t n UNUSED = write(fd, line, strlen(line));
}

static PRINTF_LIKE(2, 0) void log_args(enum log_level level, const char *format, va_list args)
{
	char text[LOG_LINE_BYTES], line[LOG_LINE_BYTES + 64];
	int saved = errno;

	if (level > logger.most)
		return;
	vsnprintf(text, sizeof(text), format, args);
	if (logger.has_prefix)
		snprintf(line, sizeof(line), "<%d>%.32s: %s\n", (int)level, logger.name, text);
	else
		snprintf(line, sizeof(line), "%.32s: %s\n", logger.name, text);
	write_line(STDERR_FILENO, line);
	if (logger.kmsg_fd >= 0) {
		snprintf(line, sizeof(line), "<%d>%.32s: %s\n", (int)level, logger.name, text);
		write_line(logger.kmsg_fd, line);
	}
	errno = saved;
}

#define DEFINE_LOG(function, level)                                                                \
	void function(const char *format, ...)                                                     \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, format);                                                            \
		log_args(level, format, args);                                                     \
		va_end(args);                                                                      \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

int log_failure(int r)
{
	const char *text = fail_text();

	log_error("%s", *text ? text : strerror(-r));
	return r;
}
