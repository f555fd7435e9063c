# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes: one interface (`contract`), one module for each implementation."""
