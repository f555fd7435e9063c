# SPDX-License-Identifier: GPL-2.0-or-later
"""Says whether commands can be sandboxed here: `python -m workers.sandbox RUNTIME [TOOLCHAIN]`.

Prints why not and ends with 1, or prints nothing and ends with 0.
"""

import sys

from workers.sandbox import why_not

if __name__ == "__main__":
    fault = why_not(*sys.argv[1:])
    if fault:
        sys.stdout.write(fault + "\n")
    sys.exit(bool(fault))
