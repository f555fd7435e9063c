/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Empty: exported headers of the kernel include <linux/compiler.h> before they are
 * sanitised for user space; scripts/headers_install.sh takes the line out.
 */
