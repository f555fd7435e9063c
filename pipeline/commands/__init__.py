# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of `crosscheck`, by what they are about. Each reads arguments, calls and prints."""
