"""Why a worker died: by signals, exit codes, and the kernel's count of what it ended for lack of memory."""

import os
import signal

import pytest

from geomsym.execute import deaths
from geomsym.execute.deaths import how_it_ended, out_of_memory_kills, peak_memory


@pytest.mark.parametrize(
    ("code", "kills", "reason", "remedy"),
    [
        (-signal.SIGKILL, 1, "by the kernel for lack of memory (SIGKILL)", "Give fewer --workers; "),
        (-signal.SIGKILL, 0, "by SIGKILL, for lack of memory or by someone", "If it was memory: Give fewer --workers"),
        (-signal.SIGSEGV, 0, "by SIGSEGV: a crash in compiled code", "The same command tries again."),
        (-signal.SIGSEGV, 1, "by SIGSEGV: a crash in compiled code", "The same command tries again."),
        (-signal.SIGTERM, 0, "by SIGTERM, from outside", "The same command tries again."),
        (-63, 0, "by signal 63", "The same command tries again."),
        (3, 0, "ended with exit code 3", "What it said stands above."),
    ],
)
def test_an_exit_code_in_words(code, kills, reason, remedy):
    found, advice = how_it_ended(code, kills, 0)
    assert reason in found and advice.startswith(remedy)


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n", 5),
    ],
)
def test_kills_for_lack_of_memory_are_counted_by_the_control_group(tmp_path, monkeypatch, name, text, count):
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(deaths, "control_groups", lambda process, controller: [(tmp_path, tmp_path)])
    assert out_of_memory_kills() == count


def test_the_memory_of_a_process_is_told():
    assert peak_memory(os.getpid()) > 10 * 2**20 and peak_memory(2**30) == 0
    assert "(it had 3.0 GiB, the machine has " in how_it_ended(-signal.SIGKILL, 1, 3 * 2**30)[0]
