# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a patch does not apply: git apply's complaints as one sentence with file and hunk. Pure."""

from __future__ import annotations

import re

from pipeline.trees.extract import PatchFile

_FAILED = re.compile(r"^error: patch failed: (.+):(\d+)$", re.MULTILINE)
_OTHER = (
    (r"^error: (.+): does not exist in index$", "{} is not there"),
    (r"^error: (.+): No such file or directory$", "{} is not there"),
    (r"^error: (.+): already exists in index$", "{} exists already"),
    (r"^error: (.+): wrong type$", "{} is of another type"),
    (r"^error: affected file '(.+)' is beyond a symbolic link$", "{} is behind a symbolic link"),
    (r"^error: cannot apply binary patch to '(.+)' without full index line$",
     "{} is a binary diff without the full index line, which git diff --binary writes"),
    (r"^error: the patch applies to '(.+)' \(", "{} is a binary file with other contents"),
    (r"^error: (.+): patch does not apply$", "{} differs"),
)  # fmt: skip


#: What can be done where no base takes a patch.
REMEDY = " Name the commit that it was made for with --base."

#: What no base would take. git counts lines in the diff alone, which nobody sees.
_MALFORMED = (
    (r"^error: corrupt patch at ", "it is cut off or its lines were changed"),
    (r"^error: (?:git diff header|patch with|.*inconsistent|.*invalid mode|.*: No valid patches)",
     "its headers do not fit together, or it changes nothing"),
    (r"^error: (?:git apply: bad git-diff|unable to find filename|invalid path|unrecognized)",
     "its file names do not fit together"),
)  # fmt: skip


def explain(patch: PatchFile, base: str, errors: str) -> str:
    """Why PATCH does not apply to the commit BASE, from what `git apply --check` wrote."""
    name = patch.name[0].upper() + patch.name[1:]
    malformed = next((why for what, why in _MALFORMED if re.search(what, errors, re.MULTILINE)), "")
    if malformed:
        return f"{name} holds no valid diff: {malformed}; ask for it again as plain text."
    places = [_hunk(patch, path, int(line)) for path, line in _FAILED.findall(errors)]
    if not places:
        places = [
            sentence.format(path)
            for pattern, sentence in _OTHER
            for path in re.findall(pattern, errors, re.MULTILINE)
        ][:1]
    what = "; ".join(places[:3]) or errors.strip().splitlines()[-1].removeprefix("error: ")
    crlf = " The lines of its diff end with CRLF: ask for it again with LF."
    more = f"; and {len(places) - 3} more files" if len(places) > 3 else ""
    return f"{name} does not apply to {base[:12]}: {what}{more}." + (
        crlf if b"\r\n" in patch.diff else REMEDY
    )


def _hunk(patch: PatchFile, path: str, line: int) -> str:
    """Which hunk of PATH it is that starts at LINE of the old file."""
    for file in patch.files:
        if path in (file.change.path, file.change.old_path):
            for number, header in enumerate(file.headers, start=1):
                if re.match(rf"@@ -{line}[, ]", header):
                    return f"{path}, hunk {number} of {len(file.headers)} ({header})"
    return f"{path}, the hunk at line {line}"
