# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict as JSON, as a mail, on the terminal."""
