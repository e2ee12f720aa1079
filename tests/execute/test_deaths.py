"""Why a worker died: by signals, exit codes, and the kernel's count of what it ended for lack of memory."""

import os
import signal
from functools import partial

import pytest

from geomsym.execute import WorkerDied, deaths, execute
from geomsym.execute.deaths import how_it_ended, out_of_memory_kills


@pytest.mark.parametrize(
    ("code", "kills", "reason", "remedy"),
    [
        (-signal.SIGKILL, 1, "by the kernel for lack of memory (SIGKILL)", "Give fewer --workers."),
        (-signal.SIGKILL, 0, "by SIGKILL, for lack of memory or by someone", "If it was memory, give fewer --workers."),
        (-signal.SIGSEGV, 0, "by SIGSEGV: a crash in compiled code", "The same command continues."),
        (-signal.SIGSEGV, 1, "by SIGSEGV: a crash in compiled code", "The same command continues."),
        (-signal.SIGTERM, 0, "by SIGTERM, from outside", "The same command continues."),
        (-63, 0, "by signal 63", "The same command continues."),
        (3, 0, "ended with exit code 3", "What it said stands above."),
    ],
)
def test_an_exit_code_in_words(code, kills, reason, remedy):
    found, advice = how_it_ended(code, kills)
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


def idle(report):
    pass


def die(number, report):
    os.kill(os.getpid(), number)


def leave(code, report):
    os._exit(code)


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (partial(die, signal.SIGSEGV), "was ended by SIGSEGV"),
        pytest.param(partial(die, signal.SIGTERM), "was ended by SIGTERM", marks=pytest.mark.slow),
        pytest.param(partial(leave, 3), "ended with exit code 3", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_dies_says_by_what_and_at_which_job(job, reason):
    with pytest.raises(WorkerDied, match=f"a worker process {reason}") as caught:
        execute([idle, job, idle], 2, lambda *_: None, lambda *_: None)
    assert 1 in caught.value.jobs and f"{reason}" in caught.value.told(["one"]) and "one" in caught.value.told(["one"])
