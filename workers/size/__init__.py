# SPDX-License-Identifier: GPL-2.0-or-later
"""The judgements of the symbols check, one question a module. All pure."""
