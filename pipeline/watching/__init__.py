# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck watch`: series from lists are run by themselves, and answered."""
