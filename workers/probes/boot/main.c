// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The init of a machine under test: tests the kernel from user space, reports in KTAP on
 * the console and powers off. Built with the kernel's own nolibc, so it needs no libc; runs
 * on 32 and 64 bits and either byte order.
 *
 * The markers "crosscheck-init: start" and "… end" and the lines "# running NAME" tell
 * whoever watches the console how far it came.
 */
#include <asm/ioctls.h>
#include <linux/mman.h>

#include "report.h"
#include "ktap.h"
#include "memory.h"
#include "process.h"
#include "zero_page.h"

static const struct {
	const char *name;
	enum result (*run)(void);
} tests[] = {
	{ "memory_write_read", memory_write_read },
	{ "memory_protect", memory_protect },
	{ "process_fork", process_fork },
	{ "process_exec", process_exec },
	{ "process_pipe", process_pipe },
	{ "process_sleep", process_sleep },
	{ "proc_files", proc_files },
	{ "zero_page_read", zero_page_read },
	{ "zero_page_colours", zero_page_colours },
	{ "zero_page_write", zero_page_write },
	{ "zero_page_fork", zero_page_fork },
	{ "zero_page_dev_zero", zero_page_dev_zero },
	{ "zero_page_proc_mem", zero_page_proc_mem },
	{ "zero_page_vmsplice", zero_page_vmsplice },
	{ "zero_page_file_hole", zero_page_file_hole },
	{ "zero_page_read_again", zero_page_read },
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))

static void run(unsigned int i)
{
	struct line line = { .length = 0 };
	enum result result;

	put(&line, "# running ");
	put(&line, tests[i].name);
	say(&line);
	result = tests[i].run();
	put(&line, result == FAILED ? "not ok " : "ok ");
	put_number(&line, i + 1, 10);
	put(&line, " ");
	put(&line, tests[i].name);
	if (result == SKIPPED)
		put(&line, " # SKIP");
	say(&line);
}

static void power_off(void)
{
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	reboot(LINUX_REBOOT_CMD_HALT);
	for (;;)
		process_nap(1000);
}

int main(int argc, char **argv)
{
	/* Only ever mount and power off a machine that is ours. */
	int first = getpid() == 1;
	struct line plan = { .length = 0 };

	if (argc == 3 && !strcmp(argv[1], EXEC_ARGUMENT))
		return process_executed(argv[2]);
	if (first) {
		mount("proc", "/proc", "proc", 0, NULL);
		mount("sysfs", "/sys", "sysfs", 0, NULL);
		mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
		mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	}
	say_text("");
	say_text("# crosscheck-init: start");
	say_text("KTAP version 1");
	put(&plan, "1..");
	put_number(&plan, TESTS, 10);
	say(&plan);
	for (unsigned int i = 0; i < TESTS; i++)
		run(i);
	say_text("# crosscheck-init: end");
	if (first)
		power_off();
	return 0;
}
