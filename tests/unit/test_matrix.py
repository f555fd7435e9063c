# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix: what it declares, and that whatever is wrong with it is named by place."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import matrix, yaml_source
from pipeline.model import InputError, Limit, Outcome
from pipeline.paths import PathRule, compiled, concern

ROOT = Path(__file__).parents[2]
FACTS = ROOT.parent / "shared" / "arch-facts.yaml"

SMALL = """\
checks:
  build: {needs: [], queue: build, deadline_s: 60}
  boot: {needs: [build], queue: boot, deadline_s: 60}
fragments: configs
common:
  config: [common.config]
  seconds_limit: 60
targets:
  arm64:
    arch: arm64
    cross_compile: aarch64-linux-gnu-
    packages: [gcc-aarch64-linux-gnu]
    make: [Image]
    image: arch/arm64/boot/Image
    config: [arm64.config]
    machine:
      qemu: qemu-system-aarch64 -kernel {image} -append {append}
      append: console=ttyAMA0
      zero_pages: 1
paths:
  - match: Documentation/**
    what: documentation
    affects: none
  - match: "**"
    what: generic code
    affects: all
"""


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/common.config").write_text("CONFIG_MMU=y\n")
    (tmp_path / "configs/arm64.config").write_text(
        '# Why.\n\n# CONFIG_VT is not set\nCONFIG_CMDLINE="a # b"\nCONFIG_START=0x0c00\n'
    )
    return tmp_path


def load(directory, text):
    path = directory / "matrix.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return matrix.load(path)


def complaint(directory, text):
    """The error, without the directory in front."""
    with pytest.raises(InputError) as raised:
        load(directory, text)
    return str(raised.value).replace(f"{directory}/", "")


# --- what is declared -----------------------------------------------------------------------


def test_a_target_is_assembled_from_the_file_and_its_fragments(directory):
    loaded = load(directory, SMALL)

    (target,) = loaded.targets
    assert (target.name, target.arch, target.make_arch) == ("arm64", "arm64", "arm64")
    assert target.config == (
        "CONFIG_MMU=y",
        "# CONFIG_VT is not set",
        'CONFIG_CMDLINE="a # b"',
        "CONFIG_START=0x0c00",
    )
    assert target.machine.qemu == (
        *("qemu-system-aarch64", "-kernel", "{image}"),
        *("-append", "{append}"),
    )
    assert target.machine.seconds_limit == 60
    assert loaded.defaults == ("arm64",)


def test_checks_come_after_those_that_they_need(directory):
    swapped = SMALL.replace("build: {needs: []", "first: {needs: [boot]").replace(
        "boot: {needs: [build]", "boot: {needs: []"
    )

    assert [check.name for check in load(directory, swapped).checks] == ["boot", "first"]


def test_a_target_can_be_left_to_those_who_name_it(directory):
    text = SMALL.replace("    make: [Image]", "    make: [Image]\n    default: false")

    assert load(directory, text).defaults == ()


def test_limits_are_declared_in_their_order(directory):
    text = SMALL + (
        "limits:\n"
        "  - {check: boot, of: total, percent: 1, at_least: 4096}\n"
        '  - {check: boot, of: "*", percent: 2.5, severity: FAIL, targets: arm64}\n'
    )

    assert load(directory, SMALL).limits == ()
    assert load(directory, text).limits == (
        Limit("boot", "total", 1.0, 4096.0),
        Limit("boot", "*", 2.5, 0.0, Outcome.FAIL, ("arm64",)),
    )


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ("check: boot", "check: boto", "28:6: limits.0.check: there is no check boto, there are build, boot"),
        ("arm64]", "arm46]", "28:82: limits.0.targets.0: there is no target arm46, there are arm64"),
        ("percent: 1", "percent: 0", "limits.0.percent: must be greater than 0"),
        ("percent: 1", 'percent: "1"', "limits.0.percent: must be a number"),
        ("check: boot", "check: build", "28:6: limits.0.check: build measures nothing, boot, perf, size do"),
        ("percent: 1, ", "", "limits.0.percent: is missing"),
        ("at_least: 4", "at_least: -4", "limits.0.at_least: must be greater than or equal to 0"),
        ("at_least: 4", "atleast: 4", "limits.0.atleast: unknown key"),
        ("severity: WARN", "severity: ERROR", "limits.0.severity: must be 'WARN' or 'FAIL'"),
        ("of: memory", "of: a b", "limits.0.of: 'a b' does not look like"),
    ],
)  # fmt: skip
def test_each_fault_of_a_limit_is_named_with_its_place(directory, good, bad, expected):
    limit = "{check: boot, of: memory, percent: 1, at_least: 4, severity: WARN, targets: [arm64]}"
    assert limit.count(good) == 1

    assert load(directory, f"{SMALL}limits:\n  - {limit}\n").limits
    assert expected in complaint(directory, f"{SMALL}limits:\n  - {limit.replace(good, bad)}\n")


def test_the_shipped_matrix():
    shipped = matrix.load(ROOT / "matrix.yaml")

    names = [target.name for target in shipped.targets]
    defaults = ("arm64", "mips", "s390", "sparc64", "x86_64", "riscv64")
    assert shipped.defaults == defaults
    assert set(names) - set(defaults) == {"mips-vce", "arm64-clang", "x86_64-clang"}
    assert {c.name: c.needs for c in shipped.checks} == {
        "build": (),
        "symbols": ("build",),
        "boot": ("build",),
        "perf": ("build", "boot"),
        "size": ("build",),
        "patches": ("build",),
    }
    assert all(target.machine.icount for target in shipped.targets)
    of = {target.name: target for target in shipped.targets}
    mips, coloured = of["mips"], of["mips-vce"]
    assert mips.config == coloured.config
    assert (mips.machine.zero_pages, coloured.machine.zero_pages) == (1, 8)
    for name in ("arm64", "x86_64"):
        gcc, llvm = of[name], of[f"{name}-clang"]
        assert (llvm.config, llvm.machine, llvm.image) == (gcc.config, gcc.machine, gcc.image)
        assert (gcc.llvm, llvm.llvm, llvm.toolchain) == (0, 19, "clang-19")
    for target in shipped.targets:
        assert {"CONFIG_RD_GZIP=y", "CONFIG_BLK_DEV_INITRD=y"} <= set(target.config)
        assert {"{image}", "{initramfs}", "{append}"} <= set(target.machine.qemu)


def test_the_shipped_targets_are_as_they_were_measured():
    if not FACTS.exists():
        pytest.skip("the measured facts are not here")
    facts = yaml.safe_load(FACTS.read_text())

    for target in matrix.load(ROOT / "matrix.yaml").targets:
        fact = facts[target.name.removesuffix("-clang")]
        assert (target.make_arch, target.cross_compile) == (fact["ARCH"], fact["CROSS_COMPILE"])
        assert (target.make_targets, target.image) == ((fact["make"],), fact["image"])
        assert set(fact["fragment"]) <= set(target.config)
        assert target.machine.zero_pages == fact["zero_pages_seen"]
        values = {"{image}": "IMAGE", "{initramfs}": "INITRAMFS", "{append}": target.machine.append}
        told = " ".join(values.get(word, word) for word in target.machine.qemu)
        assert told == fact["qemu"]


# --- what is wrong with it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ("    make: [Image]", "    mkae: [Image]", "13:5: targets.arm64.mkae: unknown key"),
        ("    make: [Image]\n", "", "9:3: targets.arm64.make: is missing"),
        ("    make: [Image]", "    make: Image", "13:5: targets.arm64.make: must be a list"),
        ("    make: [Image]", "    make: []", "13:5: targets.arm64.make: must not be empty"),
        ("    make: [Image]", "    llvm: 19\n    make: [Image]", "targets.arm64: llvm is 19, so packages must have clang-19, lld-19, llvm-19"),
        ("[gcc-aarch64-linux-gnu]", "[clang-19, lld-19, llvm-19]", "targets.arm64: there is no llvm, so packages must have none of LLVM's"),
        ("[gcc-aarch64-linux-gnu]", "[clang-19, lld-19, llvm-19]\n    llvm: 19", "targets.arm64: llvm is 19, so toolchain must name an image with clang"),
        ("  boot:", "  build:", "3:3: checks.build: stands here twice, first in line 2"),
        ("common:\n", "checks: {}\ncommon:\n", "5:1: checks: stands here twice, first in line 1"),
        ("zero_pages: 1", "zero_pages: one", "machine.zero_pages: must be a whole number"),
        ("zero_pages: 1", 'zero_pages: "1"', "machine.zero_pages: must be a whole number"),
        ("zero_pages: 1", "zero_pages: 1.5", "machine.zero_pages: must be a whole number"),
        ("zero_pages: 1", "zero_pages: 0", "machine.zero_pages: must be greater than or equal"),
        ("zero_pages: 1", "zero_pages: 1\n      icount: shift=auto", "machine.icount: 'shift=auto' does not look like"),
        ("zero_pages: 1", "zero_pages: 1\n      icount: shift=11", "machine.icount: 'shift=11' does not look like"),
        ("append: console=ttyAMA0", "append: no", '18:15: targets.arm64.machine.append: YAML reads no as bool, not as text: put it in quotes, "no"'),
        ("append: console=ttyAMA0", "append: 12:30", 'YAML reads 12:30 as int, not as text: put it in quotes, "12:30"'),
        ("append: console=ttyAMA0", "append: 2026-11-22", "YAML reads 2026-11-22 as timestamp"),
        ("append: console=ttyAMA0", "append: 010", 'put it in quotes, "010"'),
        ("append: console=ttyAMA0", "append: 12", 'must be text, put it in quotes: "12"'),
        ("append: console=ttyAMA0", "append: true", 'must be text, put it in quotes: "true"'),
        ("append: console=ttyAMA0", "append:", "machine.append: must be text"),
        ("append: console=ttyAMA0", 'append: "a\\nb"', "does not look like"),
        ("append: console=ttyAMA0", 'append: "a\\0b"', "holds a control character"),
        ("append: console=ttyAMA0", 'append: "\\ud800"', "holds a control character or half"),
        ("append: console=ttyAMA0", "append: *x", "18:15: aliases (*name) are not"),
        ("append: console=ttyAMA0", "append: !!python/name:os.system x", "18:15: targets.arm64.machine.append: YAML reads x as python/name:os.system"),
        ("append: console=ttyAMA0", "append: !!set {a}", "tag:yaml.org,2002:set is not read here"),
        ("-kernel {image}", "-kernel vmlinux", "machine.qemu: must name {image}"),
        ("{append}", "{apend}", "machine.qemu: {apend} is unknown, there are {image}, {initramfs}"),
        ("{append}", "{}", "machine.qemu: {} is unknown"),
        ("{append}", "'", "machine.qemu: does not split into words"),
        ("image: arch/arm64/boot/Image", "image: /boot/Image", "14:5: targets.arm64.image: must be a path inside the build directory"),
        ("image: arch/arm64/boot/Image", "image: ../Image", "14:5: targets.arm64.image: must be a path inside the build directory"),
        ("[arm64.config]", "[arm46.config]", "15:14: targets.arm64.config.0: the fragment configs/arm46.config cannot be read: No such file"),
        ("[arm64.config]", "[../arm64.config]", "15:14: targets.arm64.config.0: '../arm64.config' does not"),
        ("[common.config]", "[comon.config]", "6:12: common.config.0: the fragment configs/comon.config cannot"),
        ("    make: [Image]", "    make: [Image]\n    make_vars: [X]", "make_vars.0: must be a make variable, NAME=VALUE"),
        ("    make: [Image]", "    make: [Image]\n    make_vars: [ARCH=arm]", "make_vars.0: ARCH is set by crosscheck itself"),
        ("needs: [build]", "needs: [bulid]", "3:18: checks.boot.needs.0: there is no check bulid, there are build, boot"),
        ("needs: [], queue", "needs: [boot], queue", "needs: needs itself: "),
        ("deadline_s: 60}\nfrag", "deadline_s: -1}\nfrag", "3:39: checks.boot.deadline_s: must be greater than 0"),
        ("affects: none", "affects: [none, arm]", "paths.0.affects: must be all, none, or a list"),
        ("affects: none", "affects: ARM", "paths.0.affects.0: 'ARM' does not look like"),
        ("affects: none", 'affects: "{arch}"', "paths.0.affects: {arch} must then be in every pattern"),
        ("Documentation/**", "/Documentation/**", "paths.0.match.0: must be a path from the root"),
        ("Documentation/**", "Documentation/[a-z]*", "paths.0.match.0: may hold *, ?, ** and {arch}"),
        ("Documentation/**", '"arch/{arhc}/**"', "paths.0.match.0: may hold *, ?, ** and {arch}"),
        ("Documentation/**", '"**"', "21:5: paths.0.match: ** matches everything"),
        ('"**"', "mm/**", '20:1: paths: the last rule must match "**"'),
        ("  arm64:", "  12:", "9:3: targets: a key that is not text: put it in quotes"),
        ("  arm64:", "  ? [a]\n  :", "targets: a key that is not text: put it in quotes"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place(directory, good, bad, expected):
    assert SMALL.count(good) == 1
    said = complaint(directory, SMALL.replace(good, bad))

    assert re.match(r"matrix\.yaml:\d+:\d+: ", said)
    assert expected in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "matrix.yaml:1:1: the file is empty"),
        ("# nothing\n", "matrix.yaml:1:1: the file is empty"),
        ("--- a\n--- b\n", "matrix.yaml:2:1: not YAML: but found another document"),
        ("- a\n", "matrix.yaml:1:1: must be a mapping"),
        ("text", "matrix.yaml:1:1: must be a mapping"),
        ("checks: [\n", "matrix.yaml:2:1: not YAML: expected the node content"),
        ("checks:\n\tbuild: {}\n", "matrix.yaml:2:1: not YAML: found character '\\t'"),
        (b"# \xc3\xa4\n# \xe4\n", "matrix.yaml:2:3: not UTF-8"),
        (b"\x7fELF\x02\x01\x00", "matrix.yaml:1:1: not YAML: special characters"),
        ('a: "\\UFFFFFFFF"', "matrix.yaml:1:1: not YAML: an escape names no character"),
        ("[" * 5000, "matrix.yaml:1:17: nested too deeply"),
        ("a: &a [*a]", "matrix.yaml:1:8: aliases"),
        ("#" * (1 << 20) + "\n", "matrix.yaml: is larger than 1 MiB"),
    ],
)
def test_what_is_no_matrix_at_all(directory, text, expected):
    assert complaint(directory, text).startswith(expected)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        matrix.load(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        matrix.load(tmp_path)
    with pytest.raises(InputError, match="cannot be read: "):
        matrix.load(tmp_path / "nul\0.yaml")
    locked = tmp_path / "locked.yaml"
    locked.touch(mode=0)
    if os.geteuid() != 0:
        with pytest.raises(InputError, match="Permission denied"):
            matrix.load(locked)


@pytest.mark.parametrize(
    "line",
    ["CONFIG_MMU", "MMU=y", "CONFIG_MMU = y", "CONFIG_MMU=yes", 'CONFIG_X="a', "# CONFIG_MMU=y"],
)
def test_a_fragment_that_kconfig_would_silently_pass_over(directory, line):
    (directory / "configs/arm64.config").write_text(f"CONFIG_VT=y\n{line}\n")

    said = complaint(directory, SMALL)
    assert said.startswith("configs/arm64.config:2:1: must be CONFIG_NAME=VALUE")
    assert repr(line) in said


def test_the_first_of_several_faults_is_named(directory):
    text = SMALL.replace("    make: [Image]", "    mkae: [Image]").replace("queue: boot", "quue: 1")

    assert "checks.boot" in complaint(directory, text)


# --- whatever is in it ----------------------------------------------------------------------

HOSTILE = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(
            (
                *("checks", ":", " ", "\n", "  ", "-", "[", "]", "{", "}", "&a", "*a", "!!str"),
                *("|", ">", "'", '"', "\\", "\\U", "FFFFFFFF", "<<", "no", "1:2", "#", "?"),
                *("%YAML", "\t", "---"),
            )
        ),
        max_size=30,
    ).map("".join),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(HOSTILE.map(lambda t: t.encode("utf-8", "surrogatepass")), st.binary(max_size=60)))
def test_nothing_but_input_errors_comes_of_garbage(tmp_path, raw):
    path = tmp_path / "any.yaml"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=re.escape(f"{path}:")):
        matrix.load(path)


PLAIN = st.recursive(
    st.one_of(st.booleans(), st.none(), st.integers(-(10**9), 10**9), st.text("ab:# no1{", max_size=6)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLAIN)
def test_what_yaml_writes_is_read_as_it_was(tmp_path, value):
    path = tmp_path / "any.yaml"
    path.write_text(yaml.safe_dump(value))

    assert yaml_source.read(path).content == tuples(value)


def tuples(value):
    if isinstance(value, list):
        return tuple(map(tuples, value))
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return value


# --- path rules -----------------------------------------------------------------------------

RULES = (
    PathRule(("Documentation/**", "**/README"), "documentation", ()),
    PathRule(("arch/{arch}/**", "lib/{arch}/*.c"), "code of {arch}", ("{arch}",)),
    PathRule(("drivers/tty/sun?.c",), "a driver", ("sparc",)),
    PathRule(("**",), "generic code", ("all",)),
)


@pytest.mark.parametrize(
    ("path", "what", "arches"),
    [
        ("Documentation/mm/index.rst", "documentation", ()),
        ("Documentation.txt", "generic code", ("all",)),
        ("README", "documentation", ()),
        ("fs/README", "documentation", ()),
        ("fs/READMEs", "generic code", ("all",)),
        ("arch/arm64/mm/init.c", "code of arm64", ("arm64",)),
        ("arch/new/mm/init.c", "generic code", ("all",)),
        ("arch/Kconfig", "generic code", ("all",)),
        ("lib/mips/crc.c", "code of mips", ("mips",)),
        ("lib/mips/a/crc.c", "generic code", ("all",)),
        ("lib/zlib/crc.c", "generic code", ("all",)),
        ("drivers/tty/sunx.c", "a driver", ("sparc",)),
        ("drivers/tty/sunxy.c", "generic code", ("all",)),
        ("a\nb", "generic code", ("all",)),
    ],
)
def test_the_first_rule_that_matches_decides(path, what, arches):
    found = concern(RULES, path, ("arm64", "mips"))

    assert (found.path, found.what, found.arches) == (path, what, arches)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1), min_size=1, max_size=4))  # fmt: skip
def test_every_path_is_somebodys(parts):
    path = "/".join(parts)

    assert concern(RULES, path, ("arm64",)).path == path
    assert compiled("**").fullmatch(path)
    assert compiled("*").fullmatch(path) is None or len(parts) == 1
    escaped = path.replace("*", "?").replace("{", "?")
    assert compiled(escaped).fullmatch(path)


@pytest.mark.parametrize(
    ("path", "arches"),
    [
        ("include/linux/pgtable.h", ("all",)),
        ("include/asm-generic/cache.h", ("all",)),
        ("mm/mm_init.c", ("all",)),
        ("Makefile", ("all",)),
        ("arch/Kconfig", ("all",)),
        ("scripts/Makefile.build", ("all",)),
        ("scripts/mod/modpost.c", ("all",)),
        ("scripts/kconfig/conf.c", ("all",)),
        ("scripts/checkpatch.pl", ()),
        ("Documentation/mm/index.rst", ()),
        ("Documentation/Kconfig", ("all",)),
        ("MAINTAINERS", ()),
        ("LICENSES/preferred/GPL-2.0", ()),
        ("samples/bpf/Makefile", ()),
        ("tools/testing/selftests/mm/Makefile", ()),
        ("tools/include/nolibc/nolibc.h", ("all",)),
        ("tools/objtool/check.c", ("loongarch", "powerpc", "x86")),
        ("tools/perf/perf.c", ()),
        ("arch/sparc/mm/init_64.c", ("sparc",)),
        ("arch/s390/.gitignore", ()),
        ("arch/x86/kernel/setup.c", ("x86", "um")),
        ("arch/x86/um/ldt.c", ("um",)),
        ("arch/arm/xen/mm.c", ("arm", "arm64")),
        ("drivers/s390/char/sclp.c", ("s390",)),
        ("drivers/s390/char/Kconfig", ("all",)),
        ("drivers/parisc/sba_iommu.c", ("parisc",)),
        ("drivers/sbus/char/envctrl.c", ("sparc",)),
        ("drivers/tty/serial/sunzilog.c", ("sparc",)),
        ("drivers/tty/serial/sunplus-uart.c", ("all",)),
        ("drivers/acpi/bus.c", ("arm64", "loongarch", "riscv", "x86")),
        ("drivers/platform/x86/wmi.c", ("x86",)),
        ("lib/crypto/s390/sha256.h", ("s390",)),
        ("lib/crypto/mpi/mpi-add.c", ("all",)),
        ("virt/kvm/kvm_main.c", ("all",)),
    ],
)
def test_the_shipped_path_rules(path, arches, shipped_rules):
    linux = ("arm64", "mips", "parisc", "riscv", "s390", "sparc", "um", "x86")

    assert concern(shipped_rules, path, linux).arches == arches


@pytest.fixture(scope="module")
def shipped_rules():
    return matrix.load(ROOT / "matrix.yaml").path_rules


def test_the_shipped_path_rules_name_directories_that_linux_has(shipped_rules):
    named = {arch for rule in shipped_rules for arch in rule.affects} - {"all", "{arch}"}

    assert named == {
        *("arm", "arm64", "loongarch", "powerpc", "riscv", "s390", "sparc", "um", "x86")
    }
