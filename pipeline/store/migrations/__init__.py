# SPDX-License-Identifier: GPL-2.0-or-later
"""How a database gets from each revision to the next, for alembic.

A file of `versions` begins with its revision, 0001 and so on; nothing else names the latest.
"""
