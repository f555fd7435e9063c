/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a program in the guest reports: lines on the console.
 *
 * A line is one write(), and has left the UART before the next statement runs: printk
 * writes to the same console, and what a crash leaves behind must be all that happened.
 */
#ifndef CROSSCHECK_REPORT_H
#define CROSSCHECK_REPORT_H

struct line {
	char text[256];
	unsigned int length;
};

static void put(struct line *line, const char *text)
{
	while (*text && line->length < sizeof(line->text) - 1)
		line->text[line->length++] = *text++;
}

static void put_number(struct line *line, unsigned long number, unsigned int base)
{
	char digits[2 * sizeof(number) * 4];
	unsigned int i = sizeof(digits);

	digits[--i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	put(line, digits + i);
}

static void say(struct line *line)
{
	unsigned int done = 0;

	line->text[line->length++] = '\n';
	while (done < line->length) {
		ssize_t written = write(1, line->text + done, line->length - done);

		if (written <= 0)
			break;
		done += written;
	}
	ioctl(1, TCSBRK, 1); /* tcdrain() */
	line->length = 0;
}

static void say_text(const char *text)
{
	struct line line = { .length = 0 };

	put(&line, text);
	say(&line);
}

#endif
