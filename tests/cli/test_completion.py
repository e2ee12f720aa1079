"""Completion of overrides: the words of zsh and fish, the split words of bash, and a real bash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from geomsym.cli.groups import GROUPS, complete, keys, listing, options

ARCHITECTURES = list(options("architecture"))


def test_a_whole_word_is_completed_with_its_key():
    assert complete([], "architecture=") == [f"architecture={name}" for name in ARCHITECTURES]
    assert complete([], "architecture=ga") == ["architecture=gap"]
    assert complete(["seed=1"], "experiment=quick") == ["experiment=quickstart"]


def test_the_last_item_of_a_list_is_completed():
    assert complete([], "architecture=fcn,ga") == ["architecture=fcn,gap"]
    assert complete(["architecture", "="], "fcn,ga") == ["fcn,gap"]


def test_the_beginning_of_a_key_gives_choices_and_keys():
    assert complete([], "arch")[: len(ARCHITECTURES)] == [f"architecture={name}" for name in ARCHITECTURES]
    assert set(complete([], "data.su")) == {"data.subset_size="}
    assert complete([], "see") == ["seed="] and complete([], "zzz") == []


def test_an_empty_word_gives_everything():
    found = complete([], "")
    assert {f"{group}={name}" for group in GROUPS for name in options(group)} <= set(found)
    assert {f"{key}=" for key in keys()} <= set(found)
    assert complete(["seed=1"], "") == found


def test_the_split_words_of_bash():
    assert complete(["architecture"], "=") == ARCHITECTURES
    assert complete(["seed=1", "architecture", "="], "ga") == ["gap"]
    assert complete(["architecture", "="], "") == ARCHITECTURES


def test_a_key_has_no_options():
    assert complete([], "architecture.width=") == complete(["architecture.width", "="], "1") == []


def test_keys_are_those_of_all_options():
    assert {"data.noise_variance", "data.crop_size", "data.channels", "inference.l2", "seed", "dtype"} <= set(keys())
    assert len(keys()) == len(set(keys())) and not [key for key in keys() if key.endswith(".name")]


def test_the_listing_names_every_option():
    for group in GROUPS:
        assert f"{group}: {', '.join(options(group))}" in listing()


COMMAND = Path(sys.executable).parent / "geomsym"
BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None or not COMMAND.exists(), reason="needs bash and the installed command")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "architecture", "=", "ga"], ["gap"]),
        (["train", "architecture", "="], ARCHITECTURES),
        (["sweep", "seed", "=", "1", "architecture", "=", "fcn,l"], ["fcn,lap", "fcn,lcn"]),
        (["train", "architecture.wid"], ["architecture.width="]),
        (["st"], ["status"]),
    ],
)
def test_a_real_bash(words, expected):
    words = ["geomsym", *words]
    script = 'source <(_GEOMSYM_COMPLETE=source_bash geomsym); COMP_WORDS=("$@"); COMP_CWORD=$(($#-1))\n'
    script += '_geomsym_completion geomsym "${!#}"; printf "%s\\n" "${COMPREPLY[@]}"'
    environment = os.environ | {"PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        [BASH, "--norc", "-c", script, "bash", *words], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == expected and result.stderr == ""
