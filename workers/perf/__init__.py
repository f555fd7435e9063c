# SPDX-License-Identifier: GPL-2.0-or-later
"""What operations cost, in instructions."""
