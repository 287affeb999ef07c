/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See view_filter.h. Calls that could read or write a device in a way that view.c doesn't answer
 * are refused as if the kernel didn't have them.
 */
#include "bootstrap/view_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On any other machine the child is killed at its first call. */
#ifdef __aarch64__
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#define OUR_ARCH AUDIT_ARCH_X86_64
#endif
#define FOREIGN_CALLS 0x40000000U /* x32's numbers begin here */

static const int answered[] = {
	SYS_openat,    SYS_read,      SYS_write, SYS_pread64, SYS_pwrite64,
#ifdef SYS_open
	SYS_open,
#endif
	SYS_fallocate, SYS_ftruncate,
};

static const int refused[] = {
	SYS_openat2,  SYS_readv,    SYS_preadv,		SYS_preadv2,
	SYS_pwritev,  SYS_pwritev2, SYS_io_uring_setup, SYS_open_by_handle_at,
	SYS_sendfile, SYS_truncate,
#ifdef SYS_creat
	SYS_creat,
#endif
};

#define ROOM (ARRAY_SIZE(answered) + ARRAY_SIZE(refused))

static size_t add(struct sock_filter *at, const int *calls, size_t count, unsigned answer)
{
	for (size_t i = 0; i < count; i++) {
		at[2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned)calls[i], 0, 1);
		at[2 * i + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
	}
	return 2 * count;
}

static int install(void)
{
	static const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_filter code[ARRAY_SIZE(head) + 2 * ROOM + 1];
	size_t n = ARRAY_SIZE(head);
	struct sock_fprog program = { .filter = code };
	int fd;

	memcpy(code, head, sizeof(head));
	n += add(code + n, answered, ARRAY_SIZE(answered), SECCOMP_RET_USER_NOTIF);
	n += add(code + n, refused, ARRAY_SIZE(refused), SECCOMP_RET_ERRNO | ENOSYS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);
	return fd < 0 ? -errno : fd;
}

/* A message of one byte that carries one descriptor. */
struct envelope {
	char byte;
	struct iovec part;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message;
};

static void envelope_make(struct envelope *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->part = (struct iovec){ &ret->byte, 1 };
	ret->message.msg_iov = &ret->part;
	ret->message.msg_iovlen = 1;
	ret->message.msg_control = ret->control.room;
	ret->message.msg_controllen = sizeof(ret->control.room);
}

int view_filter_enter(int socket)
{
	struct envelope envelope;
	struct cmsghdr *head;
	int fd;

	envelope_make(&envelope);
	head = CMSG_FIRSTHDR(&envelope.message);
	fd = install();
	if (fd < 0)
		return fd;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	/* not write(2): nobody could answer it yet */
	return sendmsg(socket, &envelope.message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int view_filter_receive(int socket, int *ret_fd)
{
	struct envelope envelope;
	struct cmsghdr *head;
	int fd = -1;

	envelope_make(&envelope);
	if (recvmsg(socket, &envelope.message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&envelope.message);
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	*ret_fd = fd;
	return 0;
}
