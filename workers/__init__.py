# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that runs: tasks, sandboxes, checks and the programs inside the guest."""
