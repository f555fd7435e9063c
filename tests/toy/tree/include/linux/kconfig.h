/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef __LINUX_KCONFIG_H
#define __LINUX_KCONFIG_H

#include <generated/autoconf.h>

#define __ARG_PLACEHOLDER_1 0,
#define __take_second_arg(__ignored, val, ...) val
#define __and_or_nothing(arg1_or_junk) __take_second_arg(arg1_or_junk 1, 0)
#define ___is_defined(val) __and_or_nothing(__ARG_PLACEHOLDER_##val)
#define __is_defined(x) ___is_defined(x)
#define IS_ENABLED(option) __is_defined(option)

#endif
