# SPDX-License-Identifier: GPL-2.0-or-later
"""Which program does the guest run as its init? Builds one for the tree under test.

A program is a directory of `workers/probes`, and all C files in it. It is linked with the
kernel's own nolibc (tools/include/nolibc), which needs no libc for the target, and against the
headers of the tree, generated ones among them. That takes half a second, so there is nothing to
be kept: the same inputs give the same program.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.model import InfraError
from pipeline.toolchain import links, make_variables
from workers.check import Bench
from workers.sandbox.contract import BUILD, GIB, SOURCE, Limits, Mount

PROBES = Path(__file__).parent.parent / "probes"
_PROBES_INSIDE = "/probes"
_HEADERS = f"{BUILD}/headers"
_OUTPUT = "init"
_LARGEST_BYTES = 4 << 20

#: Small, static and free-standing, whatever the compiler's defaults are.
FLAGS = (
    *("-Os", "-s", "-static", "-nostdlib", "-nostdinc", "-fno-pie", "-no-pie"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-ident"),
)

_LIMITS = Limits(seconds=120, memory_bytes=2 * GIB, log_bytes=1 << 20)

#: `/src/include/uapi/linux/fs.h:12:3: error: …`
_ERROR = re.compile(
    rf"^{SOURCE}/(?P<file>[^:]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<text>.*)"
)
#: The same of any file, or of none, from the compiler, the assembler or the linker.
_ANY_ERROR = re.compile(r": (?:(?:fatal )?error|Error|undefined reference)[: ]")


@dataclass(frozen=True, slots=True)
class Broken:
    """The program cannot be compiled because of FILE:LINE of the tree."""

    file: str
    line: int
    text: str


@dataclass
class _Errors:
    """Remembers a compiler's errors; a `workers.sandbox.contract.Watcher`."""

    in_tree: list[Broken] = field(default_factory=list)
    first: str = ""  # error of all, in the tree or not
    last: str = ""  # line of all

    @property
    def why(self) -> str:
        """The line that tells best what went wrong; "" if there is none."""
        return self.first or self.last

    def __call__(self, line: str | None) -> str | None:
        if line is None:
            return None
        self.last = line or self.last
        if not self.first and _ANY_ERROR.search(line):
            self.first = line
        if found := _ERROR.match(line):
            self.in_tree.append(Broken(found["file"], int(found["line"]), found["text"]))
        return None


def _headers(bench: Bench) -> None:
    """The generated headers; both targets are what `make headers` itself depends on."""
    errors = _Errors()
    make = ("make", "-s", "-C", SOURCE, f"O={_HEADERS}", *make_variables(bench.target))
    argv = (*make, "archheaders", "uapi-asm-generic")
    ended = bench.run(argv, limits=_LIMITS, watch=errors)
    if ended.stopped or ended.exit_code:
        why = ended.stopped or errors.why or f"exit status {ended.exit_code}"
        raise InfraError(f"The tree's user-space headers cannot be made: {why}.")


def _sources(program: str) -> tuple[Path, ...]:
    """The C files of PROGRAM, in order, relative to the directory of all programs."""
    found = sorted((PROBES / program).rglob("*.c"))
    return tuple(path.relative_to(PROBES) for path in found)


def version(program: str) -> int:
    """Another number for other sources of PROGRAM."""
    files = sorted((*PROBES.rglob("*.h"), *(PROBES / source for source in _sources(program))))
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PROBES)} {len(content)}\n".encode() + content)
    return int.from_bytes(digest.digest()[:6])


def _compiler(bench: Bench, program: str) -> tuple[str, ...]:
    arch = bench.target.arch
    return (
        *links(bench.target),
        *FLAGS,
        f"-I{_PROBES_INSIDE}",
        f"-I{SOURCE}/arch/{arch}/include/uapi",
        f"-I{_HEADERS}/arch/{arch}/include/generated/uapi",
        f"-I{SOURCE}/include/uapi",
        *("-include", "uapi.h", "-include", f"{SOURCE}/tools/include/nolibc/nolibc.h"),
        *("-o", f"{BUILD}/{_OUTPUT}"),
        *(f"{_PROBES_INSIDE}/{source}" for source in _sources(program)),
        *bench.target.init_cflags,
    )


def _read(path: Path) -> bytes:
    """What a command wrote to PATH: a regular file, not whatever a link leads to."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, "rb") as stream:  # noqa: PTH123 (of a descriptor)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InfraError(f"{path} is no regular file.")
        content = stream.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise InfraError(f"{path} is larger than {_LARGEST_BYTES} bytes.")
    return content


def build(bench: Bench, program: str) -> bytes | Broken:
    """PROGRAM as a static executable, or what in the tree keeps it from compiling.

    Raises InfraError when it fails for any other reason.
    """
    _headers(bench)
    errors = _Errors()
    # What runs containers may be outside the one that we run in, and not see our own files.
    with TemporaryDirectory(dir=bench.build.parent) as directory:
        probes = Path(shutil.copytree(PROBES, f"{directory}/probes"))
        mounts = (Mount(probes, _PROBES_INSIDE),)
        ended = bench.run(_compiler(bench, program), limits=_LIMITS, mounts=mounts, watch=errors)
    if ended.stopped:
        raise InfraError(f"The compiler of the {program} program was stopped: {ended.stopped}.")
    if not ended.exit_code:
        try:
            return _read(bench.build / _OUTPUT)
        except OSError as error:
            raise InfraError(f"The {program} program cannot be read: {error}.") from error
    if ended.exit_code == 1 and errors.in_tree:
        return errors.in_tree[0]
    why = errors.why or "the compiler says nothing"
    raise InfraError(f"The {program} program cannot be built: {why}.")
