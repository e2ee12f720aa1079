"""The command as a process: interrupts at any moment, files in the working folder, output that nobody reads."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")

SHADOWS = ("signal", "socket", "random", "queue", "numbers", "tokenize", "selectors", "tempfile", "torch", "pandas")

# the command in a process that sends itself a signal where a module is first imported
AT_IMPORT = """
import os, sys

class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number:d})

sys.meta_path.insert(0, Sender())
from geomsym.cli.entry import main
main()
"""

# the command in a process that sends itself a signal where a function is called
AT_CALL = """
import os, sys
import {module}

def send(*arguments, **options):
    os.kill(os.getpid(), {number:d})
    return []

{module}.{name} = send
from geomsym.cli.entry import main
main()
"""


def started(code, *arguments, **options):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ["--help"]),
        ("geomsym.cli.main", ["--version"]),
        ("numpy", ["train"]),
        ("torch", ["verify", "inclusion"]),
        ("hydra", ["train", "--cfg"]),
        ("matplotlib", ["data", "show"]),
    ],
)
def test_an_interrupted_import_ends_the_command_without_a_traceback(module, arguments, number):
    result = started(AT_IMPORT.format(module=module, number=number), *arguments)
    assert (result.returncode, result.stderr) == (128 + number, "Interrupted.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_at_work_ends_every_command_likewise(tmp_path, number):
    """`status` has no handler of its own."""
    code = AT_CALL.format(module="geomsym.results.experiment_folder", name="experiments", number=number)
    result = started(code, "status", str(tmp_path))
    assert (result.returncode, result.stderr) == (128 + number, "Interrupted.\n")


def test_an_interrupt_in_a_destructor_is_not_lost():
    code = """
import os, signal
from geomsym.cli.interrupt import obey_interrupts

class Sender:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

obey_interrupts()
Sender()
print("went on")
"""
    result = started(code)
    assert (result.returncode, result.stdout, result.stderr) == (143, "", "Interrupted.\n")


def test_an_interrupt_after_the_command_is_done_leaves_no_traceback():
    code = "import atexit, os, sys; atexit.register(os.kill, os.getpid(), 2); sys.argv[1:] = ['--version']\n"
    result = started(code + "from geomsym.cli.entry import main; main()")
    assert result.stdout.startswith("geomsym ") and (result.returncode, result.stderr) == (130, "Interrupted.\n")


@pytest.fixture
def shadowed(tmp_path):
    """A working folder with files that have the names of libraries."""
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('this is {name}.py of the working folder')\n")
    return tmp_path


SMALL = ["data=sinusoid", "architecture=fcn", "architecture.width=8", "architecture.depth=2", "seed=0,1",
         "inference.max_steps=5", "inference.learning_rate=0.1"]  # fmt: skip


def test_files_of_the_working_folder_take_no_librarys_place(shadowed):
    """Neither in the command nor in its worker processes; the control is Python's own -m."""
    command = [sys.executable, "-m", "geomsym", "sweep", *SMALL, "--workers", "2", "--device", "cpu"]
    result = subprocess.run(command, cwd=shadowed, capture_output=True, text=True)
    assert result.returncode == 0 and "2 runs: 2 unfitted" in result.stdout, result.stderr
    control = subprocess.run([sys.executable, "-m", "socket"], cwd=shadowed, capture_output=True, text=True)
    assert "this is socket.py of the working folder" in control.stderr


WORKER_ONLY = """
import sys

class Sender:
    def find_spec(self, name, path=None, target=None):
        process = sys.modules.get("multiprocessing.process")
        if name == "numba" and process is not None and process.parent_process() is not None:
            {action}

sys.meta_path.insert(0, Sender())
"""


def sweep_with(folder, action):
    """A sweep whose worker processes do something when they import numba, by Python's sitecustomize."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WORKER_ONLY.format(action=action))
    command = [sys.executable, "-m", "geomsym", "sweep", *SMALL, "--workers", "2", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(folder / "site")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, start_new_session=True)


def test_a_worker_that_cannot_import_says_what_and_where(tmp_path):
    result = sweep_with(tmp_path, "raise ImportError('libfoo.so.1: cannot open shared object file')")
    assert result.returncode == 2 and "Traceback" not in result.stderr
    message = " ".join(result.stderr.split())
    assert "a worker process could not start: ImportError: libfoo.so.1: cannot open shared object file (" in message
    assert "sitecustomize.py, line 8). Mend that first." in message


@pytest.mark.slow
def test_ctrl_c_while_workers_import_says_one_word(tmp_path):
    """At a terminal it reaches every process of the group."""
    result = sweep_with(tmp_path, "import os; os.killpg(0, 2)")
    assert result.returncode == 130 and "Traceback" not in result.stderr
    assert "Interrupted with 0 of 2 runs done." in " ".join(result.stderr.split())


@pytest.mark.parametrize("end", ["| true", "| head -1", ">&-"])
def test_output_that_nobody_reads_is_no_error(end):
    script = f'"{sys.executable}" -m geomsym train --help {end}'
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert result.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "arguments", [["verify", "inclusion"], ["bench", "geometry"], ["status", "."], ["data", "show"]]
)
def test_a_signal_after_any_delay(tmp_path, arguments, number):
    """From the moment on at which the handlers stand; before it, Python itself starts."""
    code = "from geomsym.cli import entry; run = entry._run\n"
    code += "entry._run = lambda: (print(flush=True), run())\nentry.main()"
    for delay in (0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1, 2, 4):
        command = [sys.executable, "-c", code, *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
            process.stdout.readline()
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
            err = process.communicate()[1]
        assert "Traceback" not in err and "Exception ignored" not in err, delay
        status = process.returncode
        shown = status if status >= 0 else 128 - status  # as a shell shows it: while Python ends, a signal kills
        assert shown in (128 + number, 0, 2), delay
