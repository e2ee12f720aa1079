"""While workers are started, the working folder comes last among the folders of modules, and interrupts wait."""

import os
import signal
import sys

import pytest

from geomsym.execute.starting import starting_workers


def test_the_working_folder_comes_last_and_all_is_as_before_afterwards(monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/library", "/script"])
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    with starting_workers():
        assert sys.path == ["/library", "/script", ""] and os.environ["PYTHONSAFEPATH"] == "1"
    assert sys.path == ["", "/library", "/script"] and "PYTHONSAFEPATH" not in os.environ


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("PYTHONSAFEPATH", "yes")
    with starting_workers():
        pass
    assert os.environ["PYTHONSAFEPATH"] == "yes"


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_obeyed_after_the_block(number):
    seen = []
    before = signal.signal(number, lambda *_: seen.append("obeyed"))
    try:
        with starting_workers():
            os.kill(os.getpid(), number)
            seen.append("block")
    finally:
        signal.signal(number, before)
    assert seen == ["block", "obeyed"]
