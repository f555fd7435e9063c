# SPDX-License-Identifier: GPL-2.0-or-later
"""Where series come from, and the assembler."""
