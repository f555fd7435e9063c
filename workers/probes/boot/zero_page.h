/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests of the zero page: what backs memory that was read and never written. One physical
 * page, or several by colour of the virtual address (__HAVE_COLOR_ZERO_PAGE).
 */
#ifndef CROSSCHECK_ZERO_PAGE_H
#define CROSSCHECK_ZERO_PAGE_H

#define PAGES 4096UL
#define FEW 64UL

/* An entry of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_PFN ((1ULL << 55) - 1)

static uint64_t page_frames[PAGES];
static uint64_t distinct_frames[PAGES];

/* PAGE's first word that is not zero, as a byte offset; -1 if all are. */
static long page_dirt(const void *page)
{
	const volatile unsigned long *words = page;
	long size = getpagesize();

	for (long i = 0; i < size / (long)sizeof(long); i++)
		if (words[i])
			return i * sizeof(long);
	return -1;
}

/* Whether COUNT pages from START are zero, but for the one at EXCEPT. */
static enum result pages_zero(const char *start, unsigned long count, unsigned long except)
{
	for (unsigned long i = 0; i < count; i++) {
		long at = i == except ? -1 : page_dirt(start + i * getpagesize());

		if (at >= 0) {
			fail_number("not zero: page", i);
			return fail_number("at offset", at);
		}
	}
	return PASSED;
}

/* Fills page_frames for COUNT pages from START; 0 if the kernel does not tell. */
static int read_frames(const char *start, unsigned long count)
{
	off_t at = (off_t)((unsigned long)start / getpagesize() * sizeof(uint64_t));
	int fd = open("/proc/self/pagemap", O_RDONLY);
	ssize_t want = count * sizeof(uint64_t), got = 0;

	if (fd < 0)
		return 0;
	if (lseek(fd, at, SEEK_SET) == at)
		got = read(fd, page_frames, want);
	close(fd);
	if (got != want)
		return 0;
	for (unsigned long i = 0; i < count; i++) {
		if (!(page_frames[i] & PAGEMAP_PRESENT) || !(page_frames[i] & PAGEMAP_PFN))
			return 0;
		page_frames[i] &= PAGEMAP_PFN;
	}
	return 1;
}

/* The number of different frames among the first COUNT of page_frames. */
static unsigned long count_distinct(unsigned long count)
{
	unsigned long distinct = 0;

	for (unsigned long i = 0; i < count; i++) {
		unsigned long known = 0;

		while (known < distinct && distinct_frames[known] != page_frames[i])
			known++;
		if (known == distinct)
			distinct_frames[distinct++] = page_frames[i];
	}
	return distinct;
}

static enum result zero_page_read(void)
{
	for (int round = 0; round < 2; round++) {
		char *pages = map_pages(PAGES * getpagesize(), -1);
		enum result result;

		if (!pages)
			return fail("mmap() of the pages failed");
		result = pages_zero(pages, PAGES, PAGES);
		munmap(pages, PAGES * getpagesize());
		if (result != PASSED)
			return result;
	}
	return PASSED;
}

/* Reports the count; whether it is right, only whoever knows the machine can say. */
static enum result zero_page_colours(void)
{
	char *pages = map_pages(PAGES * getpagesize(), -1);
	struct line line = { .length = 0 };

	if (!pages)
		return fail("mmap() of the pages failed");
	if (pages_zero(pages, PAGES, PAGES) != PASSED)
		return FAILED;
	if (!read_frames(pages, PAGES))
		return skip("/proc/self/pagemap does not tell the page frames");
	put(&line, "# zero_pages distinct=");
	put_number(&line, count_distinct(PAGES), 10);
	put(&line, " sampled=");
	put_number(&line, PAGES, 10);
	say(&line);
	munmap(pages, PAGES * getpagesize());
	return PASSED;
}

static enum result zero_page_write(void)
{
	unsigned long written = PAGES / 2 + 1;
	char *pages = map_pages(PAGES * getpagesize(), -1);
	char *target;

	if (!pages)
		return fail("mmap() of the pages failed");
	if (pages_zero(pages, PAGES, PAGES) != PASSED)
		return FAILED;
	target = pages + written * getpagesize();
	memset(target, 0x5a, getpagesize());
	if (pages_zero(pages, PAGES, written) != PASSED)
		return fail("a write to one page showed in another");
	for (int i = 0; i < getpagesize(); i++)
		if (target[i] != 0x5a)
			return fail_number("lost what was written at offset", i);
	if (!read_frames(pages, PAGES))
		return PASSED; /* zero_page_colours says so */
	for (unsigned long i = 0; i < PAGES; i++)
		if (i != written && page_frames[i] == page_frames[written])
			return fail_number("the written page shares its frame with page", i);
	munmap(pages, PAGES * getpagesize());
	return PASSED;
}

/* In a child: the pages are zero, stay so for the parent, and can be written. */
static int zero_page_child(char *pages)
{
	if (pages_zero(pages, FEW, FEW) != PASSED)
		return 1;
	memset(pages, 0xa5, getpagesize());
	return pages_zero(pages, FEW, 0) == PASSED && pages[0] == (char)0xa5 ? 0 : 2;
}

static enum result zero_page_fork(void)
{
	char *pages = map_pages(FEW * getpagesize(), -1);
	pid_t child;
	int status;

	if (!pages)
		return fail("mmap() of the pages failed");
	if (pages_zero(pages, FEW, FEW) != PASSED)
		return FAILED;
	child = fork();
	if (child == 0)
		_exit(zero_page_child(pages));
	status = join(child);
	if (status)
		return fail_number("a child does not see zeros after fork(): status", status);
	return pages_zero(pages, FEW, FEW);
}

static enum result zero_page_dev_zero(void)
{
	char *buffer = map_pages(FEW * getpagesize(), -1);
	int fd = open("/dev/zero", O_RDWR);
	char *pages;
	ssize_t got;

	if (fd < 0)
		return skip("there is no /dev/zero");
	if (!buffer)
		return fail("mmap() of the pages failed");
	memset(buffer, 0x5a, FEW * getpagesize());
	got = read(fd, buffer, FEW * getpagesize());
	if (got != (ssize_t)(FEW * getpagesize()))
		return fail_number("a read of /dev/zero was short: bytes", got);
	if (pages_zero(buffer, FEW, FEW) != PASSED)
		return fail("a read of /dev/zero gave other bytes");
	pages = map_pages(FEW * getpagesize(), fd);
	if (!pages)
		return fail("mmap() of /dev/zero failed");
	if (pages_zero(pages, FEW, FEW) != PASSED)
		return fail("a mapping of /dev/zero shows other bytes");
	memset(pages, 0x5a, getpagesize());
	close(fd);
	return pages_zero(pages, FEW, 0);
}

/* The kernel reads pages that this process has never touched: get_user_pages(). */
static enum result zero_page_proc_mem(void)
{
	char *pages = map_pages(FEW * getpagesize(), -1);
	char *buffer = map_pages(FEW * getpagesize(), -1);
	int fd = open("/proc/self/mem", O_RDONLY);
	ssize_t got;

	if (!pages || !buffer)
		return fail("mmap() of the pages failed");
	memset(buffer, 0x5a, FEW * getpagesize());
	/* sparc64 maps at addresses that are negative offsets: no telling an error from them. */
	lseek(fd, (off_t)(unsigned long)pages, SEEK_SET);
	got = read(fd, buffer, FEW * getpagesize());
	if (fd < 0 || got < 0)
		return skip("/proc/self/mem is not readable");
	close(fd);
	if (got != (ssize_t)(FEW * getpagesize()))
		return fail_number("a read of /proc/self/mem was short: bytes", got);
	return pages_zero(buffer, FEW, FEW);
}

/* Fills BUFFER, a page, from the pipe's end FD and looks whether it is zero. */
static enum result pipe_zero(int fd, char *buffer)
{
	memset(buffer, 0x5a, getpagesize());
	if (read(fd, buffer, getpagesize()) != getpagesize())
		return fail("the pipe has less than a page");
	return pages_zero(buffer, 1, 1);
}

/* The zero page itself travels through a pipe. */
static enum result zero_page_vmsplice(void)
{
	char *pages = map_pages(2 * getpagesize(), -1);
	enum result result;
	struct iovec vector;
	long sent;
	int ends[2];

	if (!pages || pipe(ends))
		return fail("mmap() or pipe() failed");
	vector.iov_base = pages;
	vector.iov_len = getpagesize();
	sent = syscall(__NR_vmsplice, ends[1], &vector, 1, 0);
	if (sent < 0)
		return skip("there is no vmsplice()");
	if (sent != getpagesize())
		return fail_number("vmsplice() was short: bytes", sent);
	result = pipe_zero(ends[0], pages + getpagesize());
	close(ends[0]);
	close(ends[1]);
	return result;
}

/* A hole in a tmpfs file is read from ZERO_PAGE(0), and spliced as it. */
static enum result zero_page_file_hole(void)
{
	char *buffer = map_pages(FEW * getpagesize(), -1);
	int fd = open("/tmp/hole", O_RDWR | O_CREAT | O_TRUNC, 0600);
	long page = getpagesize(), sent;
	enum result result;
	int ends[2];

	if (fd < 0)
		return skip("/tmp is not writable");
	if (!buffer || pipe(ends))
		return fail("mmap() or pipe() failed");
	if (lseek(fd, FEW * getpagesize(), SEEK_SET) < 0 || write(fd, "x", 1) != 1)
		return fail("a file with a hole could not be written");
	memset(buffer, 0x5a, FEW * getpagesize());
	lseek(fd, 0, SEEK_SET);
	if (read(fd, buffer, FEW * getpagesize()) != (ssize_t)(FEW * getpagesize()))
		return fail("a read of a hole was short");
	if (pages_zero(buffer, FEW, FEW) != PASSED)
		return fail("a read of a hole gave other bytes");
	lseek(fd, 0, SEEK_SET);
	/* No call among the arguments of syscall(): it would clobber their registers. */
	sent = syscall(__NR_splice, fd, NULL, ends[1], NULL, page, 0);
	result = sent == page ? pipe_zero(ends[0], buffer)
				       : fail_number("splice() of a hole was short: bytes", sent);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	return result;
}

#endif
