# SPDX-License-Identifier: GPL-2.0-or-later
import sys
sys.path.insert(0, "/tmp/w/interim")
from bw import Bwrap
