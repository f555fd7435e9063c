// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The init of a machine that is measured: what does each case cost, in virtual nanoseconds?
 * Under QEMU's -icount they count instructions. Says one line for each case,
 *
 *   measured NAME operations=N ns=T1,...,Tk rounds=k   so much took N operations in each
 *   unmeasured NAME REASON                             why it cannot run on this kernel
 *
 * between the markers "crosscheck-init: start" and "… end", and powers off. The lines
 * "# running NAME" tell whoever watches the console how far it came.
 *
 * The figure of a case is that of its shortest round: what else there is in a round (work
 * that was put off, refills of caches, a tick) makes it longer, never shorter, and hangs on
 * the boot. A line of figures that is cut, as one too long for a struct line is, has not all
 * of its last word, and is not believed. The kernel's command line needs `norandmaps`: addresses that are random move the
 * shortest round of fork_exit by 0.5 %.
 */
#include <asm/ioctls.h>

#include "report.h"
#include "case.h"
#include "clock.h"
#include "counter.h"

#define WARM_UP 2
#define ROUNDS 12
#define CLOCK_READS 64
#define SLEEPERS 12
#define SAID 77 /* the exit status of a process that said its line, and of no other */

extern const struct perf_case *const __start_perf_cases[], *const __stop_perf_cases[];

uint64_t counter_at_start;

/* What reading the clock takes of the time between two readings. */
static uint64_t clock_cost(void)
{
	uint64_t begin, end = 0;

	clock_settle();
	begin = clock_now();
	for (int i = 0; i < CLOCK_READS; i++)
		end = clock_now();
	return (end - begin) / CLOCK_READS;
}

/*
 * How often a round's operations are halved, for a machine whose instructions take longer:
 * a tick comes after fewer of them. The loop is the same on every kernel.
 */
static unsigned int halvings;

static void find_halvings(void)
{
	uint64_t begin, ns;

	clock_settle();
	begin = clock_now();
	for (int i = 0; i < 10000; i++)
		__asm__ volatile ("" : : "r"(i));
	for (ns = clock_now() - begin; ns > 100000; ns >>= 1)
		halvings++;
}

static unsigned long operations_of(const struct perf_case *of)
{
	unsigned long operations = of->operations >> halvings;

	return operations ? operations : 1;
}

static void put_text(struct line *line, const char *before, const char *name, const char *after)
{
	put(line, before);
	put(line, name);
	put(line, after);
}

/* Ends the process of a case that cannot go on. */
static void give_up(const struct perf_case *of, int error)
{
	struct line line = { .length = 0 };

	put_text(&line, "unmeasured ", of->name, " a system call failed in a round, with error ");
	put_number(&line, error, 10);
	say(&line);
	_exit(SAID);
}

static uint64_t round_of(const struct perf_case *of, unsigned long operations)
{
	uint64_t begin, end;

	errno = 0;
	if (of->before)
		of->before(operations);
	clock_settle();
	begin = clock_now();
	of->run(operations);
	end = clock_now();
	if (of->after)
		of->after(operations);
	if (errno)
		give_up(of, errno);
	return end - begin;
}

/* nolibc's, since a long has 32 bits on some machines. */
static void put_ns(struct line *line, uint64_t ns)
{
	char digits[21];

	u64toa_r(ns, digits);
	put(line, digits);
}

static void put_once(struct line *line, const struct perf_case *of)
{
	uint64_t ns = 0;
	const char *reason = of->once(&ns);

	if (reason) {
		put_text(line, "unmeasured ", of->name, " ");
		put(line, reason);
	} else {
		put_text(line, "measured ", of->name, " operations=1 ns=");
		put_ns(line, ns);
		put(line, " rounds=1");
	}
}

static void put_rounds(struct line *line, const struct perf_case *of)
{
	unsigned long operations = operations_of(of);
	const char *reason = of->prepare ? of->prepare() : NULL;
	uint64_t cost = clock_cost();

	if (reason) {
		put_text(line, "unmeasured ", of->name, " ");
		put(line, reason);
		return;
	}
	put_text(line, "measured ", of->name, " operations=");
	put_number(line, operations, 10);
	put(line, " ns=");
	for (int i = 0; i < WARM_UP; i++)
		round_of(of, operations);
	for (int i = 0; i < ROUNDS; i++) {
		put(line, i ? "," : "");
		put_ns(line, round_of(of, operations) - cost);
	}
	put(line, " rounds=");
	put_number(line, ROUNDS, 10);
}

/*
 * A process that is woken may interrupt the one that woke it, or not, as the clock stands; a
 * batch process does not. Without, the shortest round of futex_round_trip differed by 0.26 %
 * between boots on mips; with, by 0.01 %.
 */
static void be_patient(void)
{
	int priority = 0;

	syscall(__NR_sched_setscheduler, 0, SCHED_BATCH, &priority);
}

static void measure(const struct perf_case *of)
{
	struct line line = { .length = 0 };
	const char *died = "its process died";
	int status = 0;
	pid_t child;

	put_text(&line, "# running ", of->name, "");
	say(&line);
	child = fork();
	if (child == 0) {
		be_patient();
		(of->once ? put_once : put_rounds)(&line, of);
		say(&line);
		_exit(SAID);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		died = "there is no process for it";
	else if (WIFEXITED(status) && WEXITSTATUS(status) == SAID)
		return;
	else if (WIFEXITED(status))
		died = "its process said nothing";
	put_text(&line, "unmeasured ", of->name, " ");
	put(&line, died);
	say(&line);
}

/*
 * The kernel keeps its processes in a hash table that shrinks when few are left: work that
 * the first one to end would bring about. Some that only sleep keep it as it is.
 */
static void sleepers(void)
{
	for (int i = 0; i < SLEEPERS; i++)
		if (fork() == 0)
			for (;;)
				poll(NULL, 0, -1);
}

static void power_off(void)
{
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	reboot(LINUX_REBOOT_CMD_HALT);
	for (;;)
		poll(NULL, 0, 1000);
}

int main(int argc, char **argv)
{
	int first; /* only ever mount and power off a machine that is ours */

	counter_at_start = counter();
	first = getpid() == 1;
	if (argc == 2 && !strcmp(argv[1], NOTHING))
		return 0;
	if (first) {
		mount("proc", "/proc", "proc", 0, NULL);
		mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
		mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	}
	say_text("");
	say_text("# crosscheck-init: start");
	find_halvings();
	if (first)
		sleepers();
	for (const struct perf_case *const *of = __start_perf_cases; of < __stop_perf_cases; of++)
		measure(*of);
	say_text("# crosscheck-init: end");
	if (first)
		power_off();
	return 0;
}
