# SPDX-License-Identifier: GPL-2.0-or-later
"""Where mail comes from: archives, news and mail servers, directories. Effects only; nothing
here knows the database or decides what a mail is good for.
"""

from pipeline.sources.contract import Arrival, MailSource
from pipeline.sources.opening import open_source

__all__ = ["Arrival", "MailSource", "open_source"]
