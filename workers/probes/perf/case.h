/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a case is: one file below cases/, found by the linker and listed nowhere.
 *
 * Its header comment says what it measures, what one operation is, and what would disturb
 * the figure. Each case runs in a process of its own, so that nothing that it leaves behind
 * (mappings, files, handlers, children that wait for it) is there for the next.
 *
 * A round is BEFORE, then RUN, which alone is measured, then AFTER. It begins just after a
 * tick of the timer and should end well before the next: OPERATIONS are so many that they
 * take about a million instructions, a quarter of a tick at HZ=250.
 *
 * What fails is soon done and would look like a gain. PREPARE does the operation once and
 * looks at what it returns: by syscall(), where to call RUN's function would change how that
 * is compiled. RUN does not look, for its loop is exact to the instruction. But nolibc
 * notes each failure in errno, which is 0 when a round begins; if it is not after AFTER, the
 * case is not measured. AFTER may clear what was no failure.
 *
 * A case ends by returning; if its process exits by itself, it is not measured.
 */
#ifndef CROSSCHECK_CASE_H
#define CROSSCHECK_CASE_H

struct perf_case {
	const char *name; /* the file's, and no other's: [a-z][a-z0-9_]* */
	unsigned long operations; /* in a round, where an instruction takes a nanosecond */
	/*
	 * Each but RUN may be missing. What PREPARE returns is why it cannot be measured: some
	 * words of printable ASCII, at most 200 characters; or NULL.
	 */
	const char *(*prepare)(void);
	void (*before)(unsigned long operations);
	void (*run)(unsigned long operations);
	void (*after)(unsigned long operations);
	/* Instead of all of these: what cannot be done twice. Why not, or NULL and the time. */
	const char *(*once)(uint64_t *ns);
};

/* What counter.h's counter was when the program began. */
extern uint64_t counter_at_start;

/* The argument that has this program end at once. */
#define NOTHING "--nothing"

/* Pointers, since the linker may put gaps between structures. */
#define PERF_CASE(...)                                                                   \
	static const struct perf_case this_case = { __VA_ARGS__ };                       \
	static const struct perf_case *const this_entry                                  \
		__attribute__((used, section("perf_cases"))) = &this_case

/* A process that is gone with this one; 0 in it, and -1 if there is none. */
static inline pid_t partner(void)
{
	pid_t child = fork();

	if (child == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return child;
}

#endif
