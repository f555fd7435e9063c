# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest: its init program, its initramfs and the machine that it boots in."""
