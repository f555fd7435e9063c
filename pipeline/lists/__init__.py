# SPDX-License-Identifier: GPL-2.0-or-later
"""Mailing lists: which ones, what is started for whom, what is answered. Decisions, all pure."""
