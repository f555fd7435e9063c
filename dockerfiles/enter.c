// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first process of a container: runs one command, and ends with whoever asked for it.
 *
 *   enter [NAME=VALUE]... -- COMMAND [ARGUMENT]...
 *
 * Its standard input is held open by the worker: a seccomp filter comes first (how many
 * instructions, 0 for no filter, then those, as struct sock_filter), and when it ends, the worker
 * is gone, and everything here is killed. The command's standard output and error are both our
 * standard output, in the order in which they are written. Our own standard error is for one line
 * to the worker, which no command can write to:
 *
 *   exit N         the command ended, N as a shell has it (128 + signal)
 *   missing        there is no such command
 *   failed WORDS   the container could not be set up
 *
 * Nothing of ours can be traced or read by commands, although they are of the same user.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STDERR_OF_WORKER 2

static void say_and_exit(const char *what, const char *why)
{
	dprintf(STDERR_OF_WORKER, why ? "%s %s\n" : "%s\n", what, why);
	_exit(1);
}

static void must(int failed, const char *what)
{
	char words[256];

	if (!failed)
		return;
	snprintf(words, sizeof(words), "%s: %s", what, strerror(errno));
	say_and_exit("failed", words);
}

static void read_all(void *into, size_t size)
{
	for (char *at = into; size;) {
		ssize_t got = read(0, at, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			_exit(1); /* nobody is there any more */
		at += got;
		size -= (size_t)got;
	}
}

static struct sock_fprog read_filter(void)
{
	struct sock_fprog filter = {0};
	uint16_t count;

	read_all(&count, sizeof(count));
	filter.len = count;
	filter.filter = calloc(count + 1, sizeof(*filter.filter));
	must(!filter.filter, "no memory");
	read_all(filter.filter, count * sizeof(*filter.filter));
	return filter;
}

/* In the child. Comes back, with errno, only if the command cannot be run. */
static void become(const struct sock_fprog *filter, char **env, char **argv)
{
	sigset_t none;
	int nothing = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(1, 2) < 0)
		return;
	if (nothing > 2)
		close(nothing);
	setsid();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	if (filter->len && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter))
		return;
	clearenv();
	for (; strcmp(*env, "--"); env++)
		if (putenv(*env))
			return;
	execvp(argv[0], argv); /* looks in the PATH that was just set */
}

/* The command's end as a shell has it, or -1 while it runs; reaps whatever else has ended. */
static int ended(pid_t command)
{
	int status, code = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == command)
			code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return code;
}

int main(int argc, char **argv)
{
	struct sock_fprog filter;
	char **command = argv + 1;
	char number[16];
	int failed[2], code, error = 0;
	sigset_t children;
	pid_t pid;

	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl");
	while (command < argv + argc && strcmp(*command, "--"))
		command++;
	if (command + 1 >= argv + argc)
		say_and_exit("failed", "no command");
	command++;
	filter = read_filter();

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	must(sigprocmask(SIG_BLOCK, &children, NULL), "sigprocmask");
	signal(SIGPIPE, SIG_IGN);
	struct pollfd events[2] = {
		{.fd = 0, .events = POLLIN},
		{.fd = signalfd(-1, &children, SFD_CLOEXEC), .events = POLLIN},
	};
	must(events[1].fd < 0, "signalfd");
	must(pipe2(failed, O_CLOEXEC), "pipe");

	pid = fork();
	must(pid < 0, "fork");
	if (!pid) {
		become(&filter, argv + 1, command);
		error = errno;
		write(failed[1], &error, sizeof(error));
		_exit(127);
	}
	close(failed[1]);
	if (read(failed[0], &error, sizeof(error)) == sizeof(error)) {
		errno = error;
		if (error == ENOENT)
			say_and_exit("missing", NULL);
		must(1, command[0]);
	}
	close(failed[0]);

	while ((code = ended(pid)) < 0) {
		struct signalfd_siginfo info;
		char unused[64];

		if (poll(events, 2, -1) < 0)
			continue;
		if (events[1].revents)
			read(events[1].fd, &info, sizeof(info));
		if (events[0].revents && read(0, unused, sizeof(unused)) <= 0)
			_exit(1); /* the kernel kills the rest (pid_namespaces(7)) */
	}
	snprintf(number, sizeof(number), "%d", code);
	dprintf(STDERR_OF_WORKER, "exit %s\n", number);
	return 0;
}
