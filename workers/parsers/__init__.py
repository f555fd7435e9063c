# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of what tools and kernels print. Pure: text in, nouns out."""
