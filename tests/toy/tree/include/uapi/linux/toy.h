/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_TOY_H
#define _UAPI_LINUX_TOY_H

#define TOY_MAGIC 0x746f79

#endif
