// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The init of a machine that is measured: what does each case cost, in virtual nanoseconds?
 * Under QEMU's -icount they count instructions. Says one line for each case,
 *
 *   measured NAME operations=N ns=T1,T2,...   so much took N operations in each round
 *   unmeasured NAME REASON
 *
 * between the markers "crosscheck-init: start" and "… end", and powers off. The lines
 * "# running NAME" tell whoever watches the console how far it came.
 */
#include <asm/ioctls.h>

#include "report.h"
#include "case.h"
#include "counter.h"

#define WARM_UP 2
#define ROUNDS 12
#define CLOCK_READS 64
#define SLEEPERS 12

extern const struct perf_case *const __start_perf_cases[], *const __stop_perf_cases[];

static uint64_t now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Sleeps until just after a tick, so that the next one is far. What the kernel has put off
 * (work queues, RCU callbacks) is done meanwhile, and not in the round.
 */
static void settle(void)
{
	poll(NULL, 0, 1);
}

/* What reading the clock takes of the time between two readings. */
static uint64_t clock_cost(void)
{
	uint64_t begin, end = 0;

	settle();
	begin = now();
	for (int i = 0; i < CLOCK_READS; i++)
		end = now();
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

	settle();
	begin = now();
	for (int i = 0; i < 10000; i++)
		__asm__ volatile ("" : : "r"(i));
	for (ns = now() - begin; ns > 100000; ns >>= 1)
		halvings++;
}

static unsigned long operations_of(const struct perf_case *of)
{
	unsigned long operations = of->operations >> halvings;

	return operations ? operations : 1;
}

static uint64_t round_of(const struct perf_case *of, unsigned long operations)
{
	uint64_t begin, end;

	if (of->before)
		of->before(operations);
	settle();
	begin = now();
	of->run(operations);
	end = now();
	if (of->after)
		of->after(operations);
	return end - begin;
}

static void put_result(struct line *line, const struct perf_case *of)
{
	unsigned long operations = operations_of(of);
	const char *reason = of->prepare ? of->prepare(operations) : NULL;
	uint64_t cost = clock_cost();

	if (reason) {
		put(line, "unmeasured ");
		put(line, of->name);
		put(line, " ");
		put(line, reason);
		return;
	}
	put(line, "measured ");
	put(line, of->name);
	put(line, " operations=");
	put_number(line, operations, 10);
	put(line, " ns=");
	for (int i = 0; i < WARM_UP; i++)
		round_of(of, operations);
	for (int i = 0; i < ROUNDS; i++) {
		put(line, i ? "," : "");
		put_number(line, round_of(of, operations) - cost, 10);
	}
}

static void measure(const struct perf_case *of)
{
	struct line line = { .length = 0 };
	int status = 0;
	pid_t child;

	put(&line, "# running ");
	put(&line, of->name);
	say(&line);
	child = fork();
	if (child == 0) {
		put_result(&line, of);
		say(&line);
		_exit(0);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && !status)
		return;
	put(&line, "unmeasured ");
	put(&line, of->name);
	put(&line, " its process died");
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

static void say_boot(uint64_t count)
{
	struct line line = { .length = 0 };
	uint64_t begin, ns, counted;

	settle();
	begin = now();
	counted = counter();
	poll(NULL, 0, 100);
	ns = now() - begin;
	counted = counter() - counted;
	put(&line, "# boot count=");
	put_number(&line, count, 10);
	put(&line, " counted=");
	put_number(&line, counted, 10);
	put(&line, " ns=");
	put_number(&line, ns, 10);
	say(&line);
}

int main(int argc, char **argv)
{
	uint64_t count = counter();
	/* Only ever mount and power off a machine that is ours. */
	int first = getpid() == 1;

	if (argc == 2 && !strcmp(argv[1], NOTHING))
		return 0;
	if (first) {
		mount("proc", "/proc", "proc", 0, NULL);
		mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
		mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	}
	say_text("");
	say_text("# crosscheck-init: start");
	say_boot(count);
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
