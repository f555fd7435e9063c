/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets a signal's handler. Where the kernel brings no code to return from one, the program
 * has to: x86-64 and sparc.
 */
#ifndef CROSSCHECK_SIGNAL_HANDLER_H
#define CROSSCHECK_SIGNAL_HANDLER_H

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

#if defined(__x86_64__) || defined(__sparc__)
void signal_return(void);
#endif

#if defined(__x86_64__)
__asm__ (".pushsection .text\n"
	 "signal_return: mov $" STRING(__NR_rt_sigreturn) ", %eax\n"
	 "syscall\n"
	 ".popsection");
#elif defined(__sparc__) && defined(__arch64__)
__asm__ (".pushsection .text\n"
	 ".align 4\n"
	 "signal_return: mov " STRING(__NR_rt_sigreturn) ", %g1\n"
	 "ta 0x6d\n"
	 ".popsection");
#elif defined(__sparc__)
__asm__ (".pushsection .text\n"
	 ".align 4\n"
	 "signal_return: mov " STRING(__NR_rt_sigreturn) ", %g1\n"
	 "ta 0x10\n"
	 ".popsection");
#endif

static inline long signal_handler(int signal, void (*handler)(int))
{
#if defined(__sparc__)
	struct __new_sigaction action = { .sa_handler = handler };
	/* The handler returns to what follows the "call", eight bytes long. */
	unsigned long after = (unsigned long)signal_return - 8;

	return syscall(__NR_rt_sigaction, signal, &action, NULL, after, sizeof(action.sa_mask));
#else
	struct sigaction action = { .sa_handler = handler };

#if defined(__x86_64__)
	action.sa_flags = SA_RESTORER;
	action.sa_restorer = signal_return;
#endif
	return syscall(__NR_rt_sigaction, signal, &action, NULL, sizeof(action.sa_mask));
#endif
}

#endif
