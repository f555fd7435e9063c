# SPDX-License-Identifier: GPL-2.0-or-later
"""What is read out of make's output, message by message. The samples are real output."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.parsers.diag_trouble import trouble, troubles
from workers.parsers.diagnostics import DETAIL_LINES, parse, relative

quick = settings(max_examples=50, deadline=None)

HEADER_WARNING = """\
  CC      mm/mm_init.o
In file included from /src/include/linux/mm.h:12,
                 from /src/mm/mm_init.c:10:
/src/include/linux/pgtable.h: In function 'hdr':
/src/include/linux/pgtable.h:34:35: warning: unused variable 'x' [-Wunused-variable]
   34 | static inline int hdr(void) { int x; return 0; }
      |                                   ^
"""
ERRORS = """\
  CC      mm/a.o
/src/mm/a.c: In function 'h':
/src/mm/a.c:4:22: error: too many arguments to function 'g'
    4 | int h(void) { return g(1,2); }
      |                      ^
/src/mm/a.c:2:5: note: declared here
    2 | int g(int);
      |     ^
/src/mm/a.c:5:1: warning: control reaches end of non-void function [-Wreturn-type]
/src/mm/a.c: At top level:
/src/mm/a.c:7:12: warning: 'z' defined but not used [-Wunused-variable]
make[3]: *** [/src/scripts/Makefile.build:289: mm/a.o] Error 1
make[2]: *** [/src/scripts/Makefile.build:556: mm] Error 2
make[2]: Target './' not remade because of errors.
make[1]: *** [/src/Makefile:2142: .] Error 2
"""


def one(text):
    (found,) = parse(text.splitlines())
    return found


def test_a_compiler_s_warning_has_its_place_flag_function_and_whole_text():
    found = one(HEADER_WARNING)
    assert (found.tool, found.severity) == ("compiler", "warning")
    assert (found.file, found.line, found.column) == ("include/linux/pgtable.h", 34, 35)
    assert (found.text, found.flag) == ("unused variable 'x'", "-Wunused-variable")
    assert found.function == "hdr"
    lines = found.detail.splitlines()
    assert lines[0] == "In file included from include/linux/mm.h:12,"
    assert lines[-1].endswith("^")
    assert "/src/" not in found.detail


def test_a_header_s_warning_is_one_however_many_files_include_it():
    again = HEADER_WARNING.replace("mm_init", "memory")
    assert len(parse((HEADER_WARNING + again).splitlines())) == 1


def test_two_warnings_with_one_text_at_two_lines_are_two():
    again = HEADER_WARNING.replace(":34:35", ":50:35")
    assert [d.line for d in parse((HEADER_WARNING + again).splitlines())] == [34, 50]


def test_notes_belong_to_the_message_before_them():
    error, *_ = parse(ERRORS.splitlines())
    assert error.text == "too many arguments to function 'g'"
    assert "mm/a.c:2:5: note: declared here" in error.detail
    assert "control reaches" not in error.detail


def test_the_function_holds_until_the_compiler_says_another():
    functions = [d.function for d in parse(ERRORS.splitlines()) if d.tool == "compiler"]
    assert functions == ["h", "h", ""]


def test_the_function_of_one_object_is_not_that_of_the_next():
    after = "  CC      mm/b.o\n/src/mm/b.c:1:1: warning: hello\n"
    assert parse((HEADER_WARNING + after).splitlines())[-1].function == ""


def test_a_recipe_that_failed_is_told_apart_from_what_its_tool_said():
    recipe = next(d for d in parse(ERRORS.splitlines()) if d.tool == "recipe")
    assert (recipe.file, recipe.line, recipe.text) == (
        "scripts/Makefile.build",
        289,
        "mm/a.o: exit status 1",
    )


UTF8 = "/src/mm/a.c:3:36: error: \u2018undeclared\u2019 undeclared (first use in this function)"

MESSAGES = {
    "gcc, UTF-8 quotes": (
        UTF8,
        ("compiler", "error", "mm/a.c", 3, "\u2018undeclared\u2019 undeclared (first use in this function)"),
    ),
    "gcc, fatal": (
        "/src/mm/e.c:1:10: fatal error: nope.h: No such file or directory",
        ("compiler", "error", "mm/e.c", 1, "nope.h: No such file or directory"),
    ),
    "gcc, generated header": (
        './include/generated/bounds.h:3:1: warning: "X" redefined',
        ("compiler", "warning", "include/generated/bounds.h", 3, '"X" redefined'),
    ),
    "gcc, path with dots": (
        "/src/arch/x86/../../mm/a.c:3:1: error: stray",
        ("compiler", "error", "mm/a.c", 3, "stray"),
    ),
    "gcc, command line": (
        "cc1: error: unrecognized command-line option '-mbogus'",
        ("tool", "error", "", None, "unrecognized command-line option '-mbogus'"),
    ),
    "clang": (
        "/src/mm/a.c:3:5: warning: unused variable 'x' [-Wunused-variable]",
        ("compiler", "warning", "mm/a.c", 3, "unused variable 'x'"),
    ),
    "checksyscalls": (
        "<stdin>:1511:2: warning: #warning syscall foo not implemented [-Wcpp]",
        ("compiler", "warning", "", None, "#warning syscall foo not implemented"),
    ),
    "as": (
        "/src/arch/s390/kernel/entry.S:12: Error: unknown mnemonic `foo' -- `foo bar'",
        ("assembler", "error", "arch/s390/kernel/entry.S", 12, "unknown mnemonic `foo' -- `foo bar'"),
    ),
    "ld, no debug information": (
        (
            "aarch64-linux-gnu-ld: mm/mm_init.o: in function `q':\n"
            "mm_init.c:(.init.text+0x8): undefined reference to `nope'"
        ),
        ("linker", "error", "mm/mm_init.c", None, "undefined reference to `nope'"),
    ),
    "ld, debug information": (
        (
            "aarch64-linux-gnu-ld: mm/mm_init.o: in function `q':\n"
            "/src/mm/mm_init.c:10: undefined reference to `nope'"
        ),
        ("linker", "error", "mm/mm_init.c", 10, "undefined reference to `nope'"),
    ),
    "ld, no name of the source": (
        "ld: kernel/main.o: in function `start_kernel':\n(.init.text+0x1): undefined reference to `nope'",
        ("linker", "error", "kernel/main.o", None, "undefined reference to `nope'"),
    ),
    "ld, objects linked together": (
        "ld: vmlinux.o: in function `start_kernel':\n(.init.text+0x1): undefined reference to `nope'",
        ("linker", "error", "", None, "undefined reference to `nope'"),
    ),
    "ld, data": (
        "s390x-linux-gnu-ld: mm/b.o:(.data+0x0): undefined reference to `nope'",
        ("linker", "error", "mm/b.o", None, "undefined reference to `nope'"),
    ),
    "ld, twice": (
        "ld: c.o:(.data+0x0): multiple definition of `dup'; b.o:/src/b.c:1: first defined here",
        ("linker", "error", "c.o", None, "multiple definition of `dup'; b.o:b.c:1: first defined here"),
    ),
    "ld, warning": (
        "ld: warning: orphan section `.foo' from `mm/x.o' being placed in section `.foo'",
        ("linker", "warning", "", None, "orphan section `.foo' from `mm/x.o' being placed in section `.foo'"),
    ),
    "ld, script": (
        "mips-linux-gnu-ld:./arch/mips/kernel/vmlinux.lds:90: syntax error",
        ("linker", "error", "arch/mips/kernel/vmlinux.lds", 90, "syntax error"),
    ),
    "ld, assertion": (
        "ld: the kernel image is too big",
        ("linker", "error", "", None, "the kernel image is too big"),
    ),
    "lld": (
        (
            "ld.lld: error: undefined symbol: nope\n>>> referenced by mm_init.c:10 (/src/mm/mm_init.c:10)\n"
            ">>>               mm/mm_init.o:(q) in archive vmlinux.a"
        ),
        ("linker", "error", "mm/mm_init.c", 10, "undefined symbol: nope"),
    ),
    "lld of a version, without debug information": (
        (
            "ld.lld-19: error: undefined symbol: nope\n>>> referenced by mm_init.c\n"
            ">>>               mm/mm_init.o:(q) in archive vmlinux.a"
        ),
        ("linker", "error", "mm/mm_init.c", None, "undefined symbol: nope"),
    ),
    "modpost, undefined": (
        'ERROR: modpost: "nope" [fs/ext4/ext4.ko] undefined!',
        ("modpost", "error", "", None, '"nope" [fs/ext4/ext4.ko] undefined!'),
    ),
    "objtool": (
        "mm/x.o: warning: objtool: f+0x10: unreachable instruction",
        ("objtool", "warning", "mm/x.o", None, "f+0x10: unreachable instruction"),
    ),
    "kconfig, unmet": (
        (
            "\nWARNING: unmet direct dependencies detected for FOO\n  Depends on [n]: BAR [=n]\n"
            "  Selected by [y]:\n  - BAZ [=y]\n"
        ),
        ("kconfig", "warning", "", None, "unmet direct dependencies detected for FOO"),
    ),
    "kconfig, override": (
        ".config:12:warning: override: reassigning to symbol X",
        ("compiler", "warning", ".config", 12, "override: reassigning to symbol X"),
    ),
    "kconfig, syntax": (
        "/src/mm/Kconfig:10: syntax error",
        ("kconfig", "error", "mm/Kconfig", 10, "syntax error"),
    ),
    "dtc, warning": (
        "/src/arch/mips/boot/dts/a.dts:12.3-15: Warning (unit_address_vs_reg): /node: no reg",
        ("dtc", "warning", "arch/mips/boot/dts/a.dts", 12, "/node: no reg"),
    ),
    "dtc, error": (
        "Error: /src/arch/mips/boot/dts/a.dts:12.1-2 syntax error",
        ("dtc", "error", "arch/mips/boot/dts/a.dts", 12, "syntax error"),
    ),
    "make, makefile": (
        "/src/mm/Makefile:7: *** missing separator.  Stop.",
        ("make", "error", "mm/Makefile", 7, "missing separator"),
    ),
    "make, no rule": (
        "make[3]: *** No rule to make target 'mm/x.o', needed by 'mm/built-in.a'.",
        ("make", "error", "", None, "No rule to make target 'mm/x.o', needed by 'mm/built-in.a'"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_each_tool_s_way_to_say_it(text, expected):
    found = one(text)
    assert (found.tool, found.severity, found.file, found.line, found.text) == expected


def test_inline_assembly_that_as_reads_from_a_temporary_file_names_the_object():
    found = one(
        "  CC      mm/b.o\n/tmp/cc4.s: Assembler messages:\n/tmp/cc4.s:25: Error: unknown mnemonic"
    )
    assert (found.file, found.line) == ("mm/b.o", None)


def test_an_unmet_dependency_carries_what_kconfig_says_of_it():
    found = one(MESSAGES["kconfig, unmet"][0])
    assert found.detail.splitlines()[-1] == "  - BAZ [=y]"


def test_a_section_mismatch_is_a_warning_where_modpost_goes_on():
    found = one(
        "WARNING: modpost: vmlinux: section mismatch in reference: "
        "f+0x10 (section: .text) -> g (section: .init.text)"
    )
    assert found.is_section_mismatch
    assert found.severity == "warning"


def test_a_section_mismatch_is_an_error_where_modpost_stops_for_it():
    found = one(
        "WARNING: modpost: vmlinux: section mismatch in reference: "
        "f+0x10 (section: .text) -> g (section: .init.text)\n"
        "ERROR: modpost: Section mismatches detected.\n"
        "Set CONFIG_SECTION_MISMATCH_WARN_ONLY=y to allow them."
    )
    assert found.is_section_mismatch
    assert found.severity == "error"


@pytest.mark.parametrize(
    "line",
    [
        "  CC      lib/fdt_strerror.o",
        "  HOSTCC  scripts/dtc/libfdt/fdt_strerror.o",
        "collect2: error: ld returned 1 exit status",
        "cc1: all warnings being treated as errors",
        "compilation terminated.",
        "make[2]: Target './' not remade because of errors.",
        "make[1]: Entering directory '/build'",
        "# configuration written to .config",
        "aarch64-linux-gnu-ld: mm/mm_init.o: in function `q':",
        "make[2]: [/src/Makefile:3: x] Error 1 (ignored)",
        "   34 | #error: not a message, a line of source",
        "make: Warning: File 'mm/a.o' has modification time 12 s in the future",
        "make: warning:  Clock skew detected.  Your build may be incomplete.",
    ],
)
def test_what_is_no_message(line):
    assert parse([line]) == ()


@pytest.mark.parametrize(
    "line",
    [
        "mips-linux-gnu-gcc: fatal error: Killed signal terminated program cc1",
        "collect2: fatal error: ld terminated with signal 9 [Killed]",
        "cc1: out of memory allocating 65536 bytes after a total of 1 bytes",
        "virtual memory exhausted: Cannot allocate memory",
        "/src/mm/a.c:3:1: fatal error: error writing to /tmp/cc4.s: No space left on device",
        "/tmp/cc4.s: Fatal error: can't write 12 bytes to section .text of x.o: 'No space left on device'",
        "ld: final link failed: No space left on device",
        "/bin/sh: 1: cannot create mm/x: No space left on device",
        "make[3]: vfork: Resource temporarily unavailable",
        "/src/mm/a.c:9:1: internal compiler error: Segmentation fault",
        "make[3]: *** [/src/scripts/Makefile.build:289: mm/a.o] Killed",
        "make[3]: *** [/src/scripts/Makefile.build:289: mm/a.o] Terminated",
        "make[3]: *** [/src/scripts/Makefile.build:289: mm/a.o] Error 137",
        "/bin/sh: 1: flex: not found",
        "scripts/Kconfig.include:40: C compiler 'mips-linux-gnu-gcc' not found",
        "ld: final link failed: memory exhausted",
        "as: out of memory",
        "LLVM ERROR: out of memory",
        "clang: error: unable to execute command: Killed",
        "clang-19: error: clang frontend command failed with exit code 132 (use -v to see)",
        "ld.lld-19: error: unable to find library -lelf",
        "/src/scripts/link-vmlinux.sh: line 49: 12345 Killed                  ld -o vmlinux",
        "Segmentation fault (core dumped)",
        "/bin/sh: 1: printf: printf: I/O error",
        "/bin/sh: 1: Cannot fork",
        "ld: mm/a.o: file not recognized: file truncated",
        "make[3]: flex: No such file or directory",
        "/usr/bin/env: 'python3': No such file or directory",
        "/src/scripts/foo.sh: 12: lz4: not found",
        "gcc: fatal error: cannot execute 'cc1': execvp: No such file or directory",
        "ModuleNotFoundError: No module named 'yaml'",
        "/src/tools/objtool/elf.c:10:10: fatal error: gelf.h: No such file or directory",
        "/src/certs/extract-cert.c:21:10: fatal error: openssl/bio.h: No such file or directory",
        "/usr/bin/ld: cannot find -lelf: No such file or directory",
        "error: Cannot generate ORC metadata for CONFIG_UNWINDER_ORC=y, please install libelf-dev",
    ],
)
def test_trouble_of_ours_is_seen(line):
    assert line in trouble(line)


@pytest.mark.parametrize(
    "line",
    [
        *ERRORS.splitlines(),
        *HEADER_WARNING.splitlines(),
        *(text.splitlines()[-1] for text, _ in MESSAGES.values()),
        '/src/mm/a.c:8:2: error: #error "Killed: No space left on device"',
        '    8 | #error "No space left on device"',
        '/src/mm/a.c:3:1: error: static assertion failed: "Too many open files"',
        "/src/mm/a.c:3:1: error: call to 'x' declared with attribute error: I/O error",
        "  CC      mm/oom_kill.o",
        "make[3]: *** [/src/mm/Makefile:3: x] Error 2",
        "make[3]: *** [/src/mm/Makefile:3: x] Error 255",
        "make[3]: *** Deleting file 'mm/a.o'",
        "make[3]: *** Waiting for unfinished jobs....",
        "/src/mm/a.c:5:10: fatal error: linux/missing.h: No such file or directory",
        "/src/mm/a.c:5:10: fatal error: stdio.h: No such file or directory",
        "/src/scripts/a.c:5:10: fatal error: forgotten.h: No such file or directory",
        "make[3]: scripts/forgotten.sh: No such file or directory",
        "Makefile:930: Cannot use CONFIG_STACK_VALIDATION=y, please install libelf-dev",
        "/src/mm/a.c:5:2: warning: 'Killed' is not used: out of memory",
    ],
)
def test_what_the_sources_do_wrong_is_no_trouble_of_ours(line):
    assert trouble(line) == ""


FULL = "sh: 1: cannot create x: No space left on device"
MISSING = "/bin/sh: 1: ps: not found"
STEP = "  CC      mm/a.o"
FAILS = "make[3]: *** [/src/scripts/Makefile.build:289: mm/a.o] Error 1"


@pytest.mark.parametrize(
    ("lines", "why", "beside"),
    [
        ([STEP, FAILS], "", ""),
        ([STEP, FULL, FAILS], FULL, ""),
        ([FULL, FAILS], FULL, ""),  # perhaps of a recipe that says nothing before
        ([FULL, STEP, FAILS], "", FULL),
        ([STEP, FAILS, FULL], "", FULL),
        ([STEP, FULL, STEP, FAILS], "", FULL),
        ([FULL, STEP, "sh: 1: Cannot fork", FAILS], "sh: 1: Cannot fork", ""),
        ([STEP, FAILS.replace("Error 1", "Killed")], FAILS.replace("Error 1", "Killed"), ""),
        ([MISSING, STEP, FAILS], MISSING, ""),  # what needs its answer may fail elsewhere
    ],
)
def test_whose_words_of_trouble_they_are(lines, why, beside):
    found = troubles(lines)
    assert (found.why.endswith(why), found.beside.endswith(beside)) == (True, True)
    assert (bool(found.why), bool(found.beside)) == (bool(why), bool(beside))


@quick
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=8))
def test_whatever_is_printed_is_read(lines):
    for found in parse(lines):
        assert found.severity in {"error", "warning"}
        assert "\n" not in found.text
    for line in lines:
        trouble(line)


@quick
@given(st.lists(st.sampled_from((HEADER_WARNING + ERRORS).splitlines()), max_size=40))
def test_lines_in_any_order_are_each_told_once(lines):
    found = parse(lines)
    assert len(found) == len(set(found))
    assert all(d.detail.count("\n") < DETAIL_LINES for d in found)


def test_paths_are_those_of_the_source_tree():
    for path in (
        "/src/mm/a.c",
        "/build/mm/a.c",
        "./mm/a.c",
        "../mm/a.c",
        "mm//a.c",
        "/src/mm/../mm/a.c",
    ):
        assert relative(path) == "mm/a.c"
    assert relative("") == ""


def test_what_clang_says_last_of_a_source_belongs_to_no_diagnostic():
    said = "/src/mm/a.c:3:4: warning: unused variable 'x' [-Wunused-variable]\n    3 | int x;\n"
    for last in ("1 warning generated.", "2 warnings and 1 error generated."):
        (found,) = parse(f"{said}{last}".splitlines())
        assert found.detail.endswith("int x;")
