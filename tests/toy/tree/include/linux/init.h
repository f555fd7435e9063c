/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H

#define __init		__attribute__((__section__(".init.text")))
#define __ro_after_init	__attribute__((__section__(".data..ro_after_init")))
#define __weak		__attribute__((__weak__))

#endif
