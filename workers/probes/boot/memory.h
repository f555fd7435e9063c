/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of ordinary memory, and what the other tests share to map it. */
#ifndef CROSSCHECK_MEMORY_H
#define CROSSCHECK_MEMORY_H

#define MEGABYTE (1024UL * 1024)

/* Private pages that are no huge pages; NULL if there are none. */
static void *map_pages(unsigned long size, int fd)
{
	int flags = MAP_PRIVATE | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (pages == MAP_FAILED)
		return NULL;
	syscall(__NR_madvise, pages, size, MADV_NOHUGEPAGE); /* EINVAL where there is no THP */
	return pages;
}

static unsigned long pattern(unsigned long i)
{
	return (i + 1) * 2654435761UL;
}

static enum result memory_write_read(void)
{
	unsigned long words = 8 * MEGABYTE / sizeof(long);
	volatile unsigned long *memory = map_pages(8 * MEGABYTE, -1);

	if (!memory)
		return fail("mmap() of 8 MB failed");
	for (unsigned long i = 0; i < words; i++)
		memory[i] = pattern(i);
	for (unsigned long i = 0; i < words; i++)
		if (memory[i] != pattern(i))
			return fail_number("lost what was written at offset", i * sizeof(long));
	if (munmap((void *)memory, 8 * MEGABYTE))
		return fail("munmap() failed");
	return PASSED;
}

/*
 * The kernel must refuse to write to a page that is read-only now. It writes because a
 * process that did would be told off on the console, where we look for splats.
 */
static enum result memory_protect(void)
{
	unsigned long size = getpagesize();
	char *memory = map_pages(size, -1);
	int ends[2];

	if (!memory || pipe(ends) || write(ends[1], "ab", 2) != 2)
		return fail("mmap() of a page or a pipe failed");
	memory[0] = 'x';
	if (syscall(__NR_mprotect, memory, size, PROT_READ))
		return fail("mprotect(PROT_READ) failed");
	if (read(ends[0], memory, 1) != -1 || errno != EFAULT)
		return fail("read() into a read-only page did not fail with EFAULT");
	if (memory[0] != 'x')
		return fail("read() wrote to a read-only page");
	if (syscall(__NR_mprotect, memory, size, PROT_READ | PROT_WRITE))
		return fail("mprotect(PROT_READ | PROT_WRITE) failed");
	if (read(ends[0], memory, 1) != 1 || memory[0] == 'x')
		return fail("a page is not writable again");
	close(ends[0]);
	close(ends[1]);
	return PASSED;
}

#endif
