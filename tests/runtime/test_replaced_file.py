"""Files whole or not at all: errors, interrupts, full disks, living and dead neighbours."""

import contextlib
import errno
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from indextts2_jax.runtime import atomic, former_names

ROOT = pathlib.Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def write(target: pathlib.Path, text: str = "new") -> None:
    with atomic.replaced_file(target) as new:
        new.write_text(text)


def python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_replaces_what_was_there(tmp_path):
    (tmp_path / "other").write_text("other")
    (tmp_path / "x").symlink_to("other")
    for text in ("one", "two"):
        write(tmp_path / "x", text)
        assert (tmp_path / "x").read_text() == text and not (tmp_path / "x").is_symlink()
    assert (tmp_path / "other").read_text() == "other" and sorted(os.listdir(tmp_path)) == ["other", "x"]


@pytest.mark.parametrize("name", ["n" * 255, ".hidden", "日本語", "a b\n", "lock", "new"])
def test_any_name(name, tmp_path):
    write(tmp_path / name)
    assert os.listdir(tmp_path) == [name]


def test_a_name_relative_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(pathlib.Path("x"))
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize(("name", "error"), [("n" * 256, OSError), ("a\0b", ValueError), ("none/x", OSError)])
def test_places_that_cannot_be(name, error, tmp_path):
    with pytest.raises(error), atomic.replaced_file(tmp_path / name):
        pytest.fail("found out after the work")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_error_leaves_what_was_there(error, tmp_path):
    write(tmp_path / "x", "old")
    with pytest.raises(error), atomic.replaced_file(tmp_path / "x") as new:
        new.write_text("half")
        raise error
    assert (tmp_path / "x").read_text() == "old" and os.listdir(tmp_path) == ["x"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic.replaced_file(tmp_path / "x"):
        pass
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("call", ["mkdir", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_failing_call_leaves_nothing(call, code, tmp_path, monkeypatch):
    write(tmp_path / "x", "old")
    original, calls = getattr(os, call), []

    def fail(*args, **kwargs):
        calls.append(call)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        write(tmp_path / "x")
    monkeypatch.setattr(os, call, original)
    assert calls and (tmp_path / "x").read_text() == "old" and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("call", ["mkdir", "open", "listdir", "lstat", "rmdir", "unlink"])
def test_every_call_may_fail_once(call, tmp_path, monkeypatch):
    """Removing is made of such calls too: what stays then goes with the next writer."""
    original = getattr(os, call)
    for n in itertools.count(1):
        write(tmp_path / "x", "old")
        calls = itertools.count(1)

        def failing(*args, calls=calls, n=n, **kwargs):
            if next(calls) == n:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return original(*args, **kwargs)

        monkeypatch.setattr(os, call, failing)
        try:
            write(tmp_path / "x")
            expected = "new"
        except OSError:
            expected = "old"
        monkeypatch.setattr(os, call, original)
        assert (tmp_path / "x").read_text() == expected
        write(tmp_path / "y")
        assert sorted(os.listdir(tmp_path)) == ["x", "y"]
        if next(calls) <= n:
            break


@pytest.mark.parametrize("limit", [0, 4096])
def test_a_full_disk_leaves_nothing(limit, tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with pytest.raises(OSError, match="File too large"):
            write(tmp_path / "x", "x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not os.listdir(tmp_path)


def test_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "x")
        with atomic.replaced_folder(tmp_path / "y"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640 and (tmp_path / "y").stat().st_mode & 0o777 == 0o750


def test_the_probe_leaves_nothing(tmp_path):
    atomic.probe(tmp_path)
    assert not os.listdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        atomic.probe(tmp_path / "none")


# --- the living and the dead ----------------------------------------------------------------------------------

WAITING = """
import pathlib, sys
from indextts2_jax.runtime import atomic
with getattr(atomic, sys.argv[2])(pathlib.Path(sys.argv[1])) as new:
    (new / "file" if new.is_dir() else new).write_text("half")
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("kind", ["replaced_file", "replaced_folder"])
def test_the_living_are_left_alone_and_the_dead_removed(kind, tmp_path):
    with python(WAITING, tmp_path / "x", kind) as living, python(WAITING, tmp_path / "x", kind) as dying:
        for process in (living, dying):
            assert process.stdout.readline() == "writing\n"
        write(tmp_path / "y")
        assert len(os.listdir(tmp_path)) == 3
        dying.kill()
        dying.wait()
        write(tmp_path / "y")
        assert len(os.listdir(tmp_path)) == 2  # of another name and kind: left-overs are everybody's
        living.communicate("go on\n")
        assert living.returncode == 0
    written = tmp_path / "x" / "file" if kind == "replaced_folder" else tmp_path / "x"
    assert written.read_text() == "half" and sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_neighbours_in_one_process(tmp_path):
    with atomic.replaced_file(tmp_path / "x") as first:
        first.write_text("first")
        write(tmp_path / "x", "second")
        assert (tmp_path / "x").read_text() == "second" and first.exists()
    assert (tmp_path / "x").read_text() == "first" and os.listdir(tmp_path) == ["x"]


FORKED = """
import os, pathlib, sys
from indextts2_jax.runtime import atomic
folder = pathlib.Path(sys.argv[1])
with atomic.replaced_file(folder / "x") as new:
    new.write_text("new")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    atomic.probe(folder)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_does_not_let_go(tmp_path):
    with python(FORKED, tmp_path) as process:
        assert process.wait() == 0
    assert os.listdir(tmp_path) == ["x"]


def test_begun_in_one_thread_and_ended_in_another(tmp_path):
    stack = contextlib.ExitStack()
    new = stack.enter_context(atomic.replaced_file(tmp_path / "x"))
    new.write_text("new")
    thread = threading.Thread(target=stack.close)
    thread.start()
    thread.join()
    write(tmp_path / "y")
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]


CROWD = """
import os, pathlib, random, signal, sys
from indextts2_jax.runtime import atomic
folder, number = pathlib.Path(sys.argv[1]), sys.argv[2]
random.seed(number)
for turn in range(60):
    with atomic.replaced_file(folder / random.choice("abc")) as new:
        new.write_text(number * 5000)
        if turn == 40 and number in "01":
            os.kill(os.getpid(), signal.SIGKILL)
    with atomic.replaced_folder(folder / random.choice("de")) as new:
        (new / "one").write_text(number)
        (new / "two").write_text(number)
"""


def test_a_crowd(tmp_path):
    """Six processes in one folder, two of them killed: no error, nothing torn, and one more writer leaves it clean."""
    crowd = [python(CROWD, tmp_path, number) for number in range(6)]
    assert [process.wait() for process in crowd] == [-signal.SIGKILL] * 2 + [0] * 4
    for process in crowd:
        process.communicate()
    write(tmp_path / "last")
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "c", "d", "e", "last"]
    for name in "abc":
        text = (tmp_path / name).read_text()
        assert text == text[0] * 5000
    for name in "de":
        assert (tmp_path / name / "one").read_text() == (tmp_path / name / "two").read_text()


def test_a_former_folder_is_put_back(tmp_path):
    """A kill between the two renames: the next writer of anything puts it back, unless another has come."""
    (tmp_path / ".0123abcd.indextts2" / "old.0" / "x").mkdir(parents=True)
    write(tmp_path / "y")
    assert sorted(os.listdir(tmp_path)) == ["x", "y"]
    (tmp_path / ".0123abcd.indextts2" / "old.0" / "x" / "former").mkdir(parents=True)
    write(tmp_path / "y")
    assert sorted(os.listdir(tmp_path)) == ["x", "y"] and not os.listdir(tmp_path / "x")


def test_a_former_folder_is_not_lost_where_it_cannot_go_back(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/former").touch()
    original, calls = os.rename, []

    def fail(*args):
        calls.append(args)
        if len(calls) > 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        original(*args)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="Input/output"), atomic.replaced_folder(tmp_path / "x"):
        pass
    assert not (tmp_path / "x").exists()
    monkeypatch.setattr(os, "rename", original)
    write(tmp_path / "y")
    assert (tmp_path / "x/former").exists() and sorted(os.listdir(tmp_path)) == ["x", "y"]


def test_what_only_looks_like_one_is_left_alone(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / ".0123abcd.indextts2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".0123abce.indextts2").touch()
    (tmp_path / ".0123abcg.indextts2").mkdir()
    before = sorted(tmp_path.rglob("*"))
    write(tmp_path / "x")
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "x"])


# --- names of earlier versions --------------------------------------------------------------------------------

FORMER = [
    ("a.wav", ".0123456789abcdef.tmp"),
    ("a.flac", ".0123456789abcdef.tmp"),
    ("anna.safetensors", ".anna.safetensors.k2_9xy0z/voice"),
    ("plot.svg", ".plot.svg.k2_9xy0z/plot.svg"),
    ("zh_tagger.fst", ".building-k2_9xy0z/grammar.fst"),
    ("arrays.npz", ".arrays.npz.1234.npz"),
    ("config.json", ".config.json.new"),
    ("last.safetensors", ".last.safetensors.new"),
    ("loss.png", ".loss.new.png"),
    ("model", ".model.0123abcd.new/config.json"),
]


def leave(path: pathlib.Path, age: float) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("half")
    for entry in {path, path.parent}:
        os.utime(entry, (time.time() - age,) * 2)


@pytest.mark.parametrize(("name", "left"), FORMER)
def test_former_names(name, left, tmp_path):
    """Gone after a day; before, their writer may live. Beside another target they are not ours."""
    leave(tmp_path / left, former_names.AGE - 60)
    write(tmp_path / name)
    assert (tmp_path / left).exists()
    leave(tmp_path / left, former_names.AGE + 60)
    write(tmp_path / "other")
    assert (tmp_path / left).exists()
    write(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "other"])


@pytest.mark.parametrize(
    "left",
    [".a.wav.download", ".a.wav.download/notes", ".0123456789abcdef.tmp2", ".b.wav.new", "a.wav.new", ".a.wav.1.npy"]
    + [".a.wav.0123abcd.new2/x", "a.part"],
)
def test_names_that_are_not_ours(left, tmp_path):
    leave(tmp_path / left, 10 * former_names.AGE)
    write(tmp_path / "a.wav")
    assert (tmp_path / left).exists()


def test_a_former_folder_of_an_earlier_version_is_put_back(tmp_path):
    leave(tmp_path / ".x.0123abcd.old/former", 0)
    with pytest.raises(KeyError), atomic.replaced_folder(tmp_path / "x"):
        raise KeyError
    assert (tmp_path / "x/former").exists() and os.listdir(tmp_path) == ["x"]
