/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of processes, time and /proc. */
#ifndef CROSSCHECK_PROCESS_H
#define CROSSCHECK_PROCESS_H

#define EXEC_ARGUMENT "--executed"
#define EXEC_STATUS 42

/* Ends a forked child, or waits for it: its exit status, or -1 if it died or is lost. */
static int join(pid_t child)
{
	int status = 0;

	if (child < 0 || waitpid(child, &status, 0) != child || (status & 0x7f))
		return -1;
	return (status >> 8) & 0xff;
}

static enum result process_fork(void)
{
	volatile int own = 1;

	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child == 0) {
			own = 2;
			_exit(own + i);
		}
		if (join(child) != 2 + i)
			return fail_number("a forked child is lost, or its status wrong: child", i);
	}
	return own == 1 ? PASSED : fail("a child wrote to its parent's memory");
}

static int process_executed(const char *argument)
{
	return strcmp(argument, "argument") ? 1 : EXEC_STATUS;
}

static enum result process_exec(void)
{
	char *argv[] = { "/proc/self/exe", EXEC_ARGUMENT, "argument", NULL };
	char *envp[] = { NULL };

	for (int i = 0; i < 5; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			execve(argv[0], argv, envp);
			_exit(1);
		}
		status = join(child);
		if (status != EXEC_STATUS)
			return fail_number("execve() of /proc/self/exe came to status", status);
	}
	return PASSED;
}

static enum result process_pipe(void)
{
	static char sent[4096], got[4096];
	unsigned int total = 0;
	int ends[2];
	pid_t child;

	for (unsigned int i = 0; i < sizeof(sent); i++)
		sent[i] = i * 7;
	if (pipe(ends))
		return fail("pipe() failed");
	child = fork();
	if (child == 0)
		_exit(write(ends[1], sent, sizeof(sent)) == sizeof(sent) ? 0 : 1);
	close(ends[1]);
	for (;;) {
		ssize_t part = read(ends[0], got + total, sizeof(got) - total);

		if (part <= 0)
			break;
		total += part;
	}
	close(ends[0]);
	if (join(child))
		return fail("the writing end of a pipe failed");
	if (total != sizeof(sent) || memcmp(sent, got, sizeof(sent)))
		return fail_number("a pipe lost data: bytes received", total);
	return PASSED;
}

static unsigned long process_now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000 + (unsigned long)now.tv_nsec / 1000000;
}

static void process_nap(unsigned int ms)
{
	poll(NULL, 0, ms);
}

static enum result process_sleep(void)
{
	unsigned long before = process_now_ms(), slept;

	process_nap(50);
	slept = process_now_ms() - before;
	/* A tick less than asked is the clock's granularity; no upper bound: hosts are busy. */
	return slept >= 40 ? PASSED : fail_number("a sleep of 50 ms took ms:", slept);
}

/* Whether the first kilobytes of PATH hold WORD. */
static int file_has(const char *path, const char *word)
{
	static char text[4097];
	unsigned int total = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return 0;
	for (;;) {
		ssize_t part = read(fd, text + total, sizeof(text) - 1 - total);

		if (part <= 0)
			break;
		total += part;
	}
	close(fd);
	text[total] = '\0';
	for (const char *at = text; *at; at++)
		if (!strncmp(at, word, strlen(word)))
			return 1;
	return 0;
}

static enum result proc_files(void)
{
	if (!file_has("/proc/version", "Linux version "))
		return fail("/proc/version does not say `Linux version`");
	if (!file_has("/proc/meminfo", "MemTotal:"))
		return fail("/proc/meminfo has no MemTotal");
	if (!file_has("/proc/self/maps", "[stack]"))
		return fail("/proc/self/maps shows no stack");
	if (!file_has("/proc/self/stat", "("))
		return fail("/proc/self/stat is not readable");
	return PASSED;
}

#endif
