/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets user space include the kernel's include/uapi as it lies in the source tree. Does by
 * the preprocessor what scripts/headers_install.sh does by sed and unifdef, which takes
 * ten seconds of processor time for a thousand headers; our init includes eighty.
 */
#define __EXPORTED_HEADERS__
#define __user
#define __force
#define __iomem
#define __packed __attribute__((packed))
#define __attribute_const__
