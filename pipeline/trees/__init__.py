# SPDX-License-Identifier: GPL-2.0-or-later
"""Git trees: import one, find the base, apply the series."""
