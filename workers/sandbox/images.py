# SPDX-License-Identifier: GPL-2.0-or-later
"""What are the images called that commands run in, and what do their labels say? Pure.

`scripts/images` builds and labels them; `workers.sandbox.docker` runs commands in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipeline.model import InfraError
from workers.sandbox.contract import Tools

#: The first process of every container, dockerfiles/enter.c.
ENTER = "/usr/libexec/crosscheck/enter"
#: On images: what each program in them says of its version, by name, as JSON.
VERSIONS = "org.crosscheck.versions"
#: On containers: the process that they are for (`pipeline.owner.owner`'s form), and when they are
#: not for anybody any more (`workers.sandbox.docker.until`'s form).
OWNER = "org.crosscheck.owner"
UNTIL = "org.crosscheck.until"


def reference(prefix: str, tools: Tools, toolchain: str) -> str:
    """The image under PREFIX (a registry and a path, or a word) that has TOOLS."""
    tag = toolchain if tools is Tools.BUILD else "latest"
    return f"{prefix}/{tools}:{tag}"


def versions(labels: Mapping[str, str]) -> dict[str, str]:
    """The programs of an image with LABELS and their versions. Raises InfraError."""
    try:
        found = json.loads(labels[VERSIONS])
        return {str(name): str(version) for name, version in found.items()}
    except (KeyError, ValueError, AttributeError) as error:
        raise InfraError(
            "The image does not say what is in it: build it with `make images`."
        ) from error
