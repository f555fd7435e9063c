# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of lists: what is wrong with it is said in one sentence, with its place."""

import pytest

from pipeline.lists.config import load
from pipeline.model import InputError

GOOD = {"address": "toy@lists.example", "sources": "maildir:/x", "trees": "/t"}


def written(path, **keys):
    lines = (f"    {key}: {value}\n" for key, value in (GOOD | keys).items())
    path.write_text("lists:\n  toy:\n" + "".join(lines))
    return path


def test_what_is_needed_is_enough(tmp_path):
    (toy,) = load(written(tmp_path / "lists.yaml"))
    assert (toy.name, toy.mode, toy.quiet) == ("toy", "folder", None)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"address": "toy"}, "3:5: lists.toy.address: 'toy' does not look like"),
        ({"answer": "al"}, "6:5: lists.toy.answer: must be 'folder', 'moderate', "),
        ({"alow": "x@y"}, "6:5: lists.toy.alow: unknown key"),
        ({"quiet": "22-7"}, "6:5: lists.toy.quiet: must be hours, as in"),
        ({"quiet": "22:00-07:00 Mars/X"}, "6:5: lists.toy.quiet: there is no time zone Mars/X"),
        ({"quiet": "22:00-07:00 Europe"}, "6:5: lists.toy.quiet: there is no time zone Europe"),
        ({"wait_minutes": "-1"}, "6:5: lists.toy.wait_minutes: must be greater than or equal"),
    ],
)
def test_a_key_that_is_wrong_is_named(tmp_path, keys, said):
    with pytest.raises(InputError) as error:
        load(written(tmp_path / "lists.yaml", **keys))
    assert f"lists.yaml:{said}" in str(error.value)


def test_an_address_has_one_list(tmp_path):
    path = written(tmp_path / "lists.yaml")
    entry = "".join(f"    {key}: {value}\n" for key, value in GOOD.items())
    path.write_text(path.read_text() + "  other:\n" + entry.replace("toy@", "Toy@"))
    with pytest.raises(
        InputError, match=r"7:5: lists.other.address: is the address of toy as well"
    ):
        load(path)
