# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks on a Patchwork server."""
