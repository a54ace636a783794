"""A signal ends a command wherever it is: nothing half written, one line, 128 and its number."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from indextts2_jax.runtime import process, signals

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

START = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored,
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what nohup starts with this
from indextts2_jax.runtime import atomic, process

def ready():
    print("ready", flush=True)
    time.sleep(30)
"""
END = "\nprocess.leave(process.tidily(work))\n"

WORK = {
    "writing": """
def work():
    with atomic.replaced_file(pathlib.Path("file")) as new:
        new.write_bytes(b"half")
        ready()
""",
    "a library that wraps what it does not know": """
def work():
    try:
        ready()
    except BaseException as error:
        raise RuntimeError(f"callback failed: {error!r}")
""",
    "in a destructor": """
class Slow:
    def __del__(self):
        ready()
def work():
    slow = Slow()
    del slow
    time.sleep(30)
""",
    "during an import": """
def work():
    with atomic.replaced_file(pathlib.Path("file")) as new:
        pathlib.Path("slow_module.py").write_text(
            "import time\\nprint('ready', flush=True)\\ntry:\\n    time.sleep(1)\\nexcept BaseException:\\n    pass\\n"
        )
        sys.path.insert(0, "")
        import slow_module
        pathlib.Path("slow_module.py").unlink()
        time.sleep(30)
""",
}


def run(work: str, folder: pathlib.Path, *numbers: int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", START + work + END]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "ready\n"
        time.sleep(0.1)
        for number in numbers:
            program.send_signal(number)
            time.sleep(0.02)
        out, err = program.communicate(timeout=20)
    return subprocess.CompletedProcess(command, program.returncode, out, err)


@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays_and_one_line_is_told(name, number, tmp_path):
    result = run(WORK[name], tmp_path, number)
    message = "Interrupted.\n" if number == signal.SIGINT else "Terminated.\n"
    assert (result.returncode, result.stdout, result.stderr) == (128 + number, "", message)
    assert set(os.listdir(tmp_path)) <= {"slow_module.py"}


def test_the_same_wish_twice(tmp_path):
    """`timeout` signals the program and then its group."""
    result = run(WORK["writing"], tmp_path, signal.SIGTERM, signal.SIGTERM, signal.SIGINT)
    assert (result.returncode, result.stderr, os.listdir(tmp_path)) == (143, "Terminated.\n", [])


def test_a_program_that_does_not_unwind_ends_by_the_second(tmp_path):
    work = """
def work():
    try:
        ready()
    finally:
        time.sleep(30)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", START + work + END], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        program.stdout.readline()
        program.send_signal(signal.SIGTERM)
        time.sleep(signals.PATIENCE + 0.2)
        assert program.poll() is None
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == -signal.SIGTERM


def test_what_is_ignored_stays_ignored(tmp_path):
    """As nohup does with SIGHUP."""
    work = """
def work():
    os.kill(os.getpid(), signal.SIGHUP)
    ready()
"""
    result = run("signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + work, tmp_path, signal.SIGTERM)
    assert result.returncode == 143


def test_inside_another_program_nothing_changes():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), sys.unraisablehook

    def work() -> int:
        assert signal.getsignal(signal.SIGTERM) != before[0]
        assert process.tidily(lambda: 5) == 5
        return 3

    assert process.tidily(work) == 3
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), sys.unraisablehook) == before


def test_an_error_after_a_signal_is_its_consequence(capsys):
    def work() -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ValueError("something") from None
        return 0

    assert process.tidily(work) == 143 and capsys.readouterr().err == "Terminated.\n"
    with pytest.raises(ValueError, match="without a signal"):
        process.tidily(lambda: (_ for _ in ()).throw(ValueError("without a signal")))
