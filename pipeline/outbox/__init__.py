# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers on their way out: what is written, when it may go, and how it goes, once."""
