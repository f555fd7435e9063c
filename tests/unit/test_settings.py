# SPDX-License-Identifier: GPL-2.0-or-later
"""Settings: where addresses and secrets come from."""

from __future__ import annotations

import pytest

from pipeline.model import InputError
from pipeline.settings import load


def test_addresses_may_be_in_files(tmp_path) -> None:
    file = tmp_path / "redis-url"
    file.write_text("redis://:secret@host/0\n")
    settings = load({"CROSSCHECK_REDIS_URL_FILE": str(file), "CROSSCHECK_REDIS_URL": "redis://x"})
    assert settings.redis_url == "redis://:secret@host/0"
    assert load({"HOME": "/home/me"}).database_url.startswith("sqlite:////home/me/")


def test_a_file_that_is_not_there_is_the_inputs_fault(tmp_path) -> None:
    with pytest.raises(InputError, match=r"CROSSCHECK_DATABASE_URL_FILE: cannot read .*none"):
        load({"CROSSCHECK_DATABASE_URL_FILE": str(tmp_path / "none")})


def test_a_file_that_is_empty_is_named(tmp_path) -> None:
    file = tmp_path / "address"
    file.write_text("\n")
    for name in ("CROSSCHECK_REDIS_URL", "CROSSCHECK_DATABASE_URL", "CROSSCHECK_GIT_URL"):
        with pytest.raises(InputError, match=f"{name}_FILE: {file} is empty: write the address"):
            load({f"{name}_FILE": str(file)})
    assert load({"CROSSCHECK_SMTP_URL_FILE": str(file)}).smtp_url == ""  # no mail is sent


def test_a_runtime_that_does_not_exist_is_the_inputs_fault() -> None:
    assert load({}).runtime == "bubblewrap"
    assert load({"CROSSCHECK_RUNTIME": "docker"}).runtime == "docker"
    with pytest.raises(InputError, match="'podman' is none of bubblewrap, docker, none"):
        load({"CROSSCHECK_RUNTIME": "podman"})


def test_whose_word_on_a_sender_counts() -> None:
    assert load({}).authserv == ()
    settings = load({"CROSSCHECK_AUTHSERV_ID": "MX.example.org  mirrors.example.org"})
    assert settings.authserv == ("mx.example.org", "mirrors.example.org")
    assert load({}).check_dkim
    assert not load({"CROSSCHECK_DKIM": "off"}).check_dkim
    with pytest.raises(InputError, match="CROSSCHECK_DKIM: 'no' is neither on nor off"):
        load({"CROSSCHECK_DKIM": "no"})


def test_an_archive_is_an_address():
    assert (
        load({"CROSSCHECK_LORE_URL": "https://a.example/all/"}).lore_url == "https://a.example/all"
    )
    with pytest.raises(InputError, match="CROSSCHECK_LORE_URL: 'foo' is no http"):
        load({"CROSSCHECK_LORE_URL": "foo"})


def test_a_link_has_the_run_in_it():
    assert load({}).link("r1") == ""
    settings = load({"CROSSCHECK_RUN_URL": "https://a.example/{run}/?of={run}"})
    assert settings.link("r1") == "https://a.example/r1/?of=r1"
    assert (
        load({"CROSSCHECK_RUN_URL": "http://[::1]:8080/{run}"}).link("r") == "http://[::1]:8080/r"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        *("https://a.example/", "a.example/{run}", "https:///{run}", "https://a b/{run}"),
        *("https://?{run}", "https://#{run}", "https://.{run}", "https://[::1/{run}"),
        *("https://a:99999/{run}", 'https://a/"{run}"', "ftp://a/{run}"),
    ],
)
def test_what_is_no_address_is_no_link(wrong):
    with pytest.raises(InputError, match=r"CROSSCHECK_RUN_URL: .* with \{run\} in it"):
        load({"CROSSCHECK_RUN_URL": wrong})


@pytest.mark.parametrize("wrong", ["https://me:secret@a/{run}", f"https://a/{'x' * 160}/{{run}}"])
def test_a_link_is_for_everybody(wrong):
    with pytest.raises(InputError, match="CROSSCHECK_RUN_URL has ") as error:
        load({"CROSSCHECK_RUN_URL": wrong})
    assert "secret" not in str(error.value)
