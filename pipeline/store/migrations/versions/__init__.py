# SPDX-License-Identifier: GPL-2.0-or-later
"""One file for each revision. What was released is not changed any more: write the next one."""
