"""Files and folders that appear whole or not at all, whatever happens to the process that writes them.

    .1f2e3d4c.indextts2/    a writer's own folder, beside the target; gone when the writer is done
      lock                  held as long as the writer lives, so that anyone can tell its folder from a left-over
      new                   the file or folder being written; renamed to the target once it is on the disk
      old.0/NAME            the folder that stood there, between the two renames which replace it

The lock is one of the system's (`filelock`) and vanishes with the process. Every writer first removes what killed
writers left in that folder, whatever they wrote; a folder that was on its way out is put back where none has come.
The name is short because that of the target may fill what the system allows, and says nothing of the target because
nothing should be taken for it. The lock is a file of its own rather than `new`, which whatever writes it may open anew.

File systems without locks: writing works, what a kill leaves stays. Several writers of one target: each is whole, the
last one stays.
"""

import contextlib
import errno
import itertools
import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Iterator

import filelock

from indextts2_jax.runtime import former_names

_OWN = re.compile(r"\.[0-9a-f]{8}\.indextts2")


@contextlib.contextmanager
def replaced_file(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """`with replaced_file(path) as new:` write the file `new`; at the end it becomes `path`, instead of what was there.

    When the block raises, `path` is as it was and nothing is left. The name of `new` has no ending, so the block says
    which format it writes; and it closes the file. A link at `path` is replaced, not followed.

    Raises:
      OSError: as the disk does, before the block where the name cannot be. ValueError: a name with a null character.
    """
    with contextlib.suppress(FileNotFoundError):
        os.lstat(target)  # a name that cannot be is told now, not after the work
    with _own_folder(target) as own:
        yield own / "new"
        _flush(own / "new")
        os.replace(own / "new", target)


@contextlib.contextmanager
def replaced_folder(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """`with replaced_folder(path) as new:` fill `new`; at the end it becomes `path`, instead of what was there.

    When the block raises, `path` is as it was and `new` is gone. The files written are expected to be on the disk
    (fsync) when the block ends. What stands at `path` is removed without a question: the caller must have looked.
    A kill between two renames leaves none there; the next writer puts the former one back.

    Raises:
      OSError: as the disk does.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _own_folder(target) as own:
        new = own / "new"
        new.mkdir()
        yield new
        _flush(new)
        _swap(own, target)
        _flush(target.parent)


def probe(folder: pathlib.Path) -> None:
    """Writes a file in `folder` and removes it. Raises OSError where that cannot be."""
    with _own_folder(folder / "probe") as own:
        (own / "new").touch()


def remove_leftovers(target: pathlib.Path) -> None:
    """Removes what killed writers left beside `target`; what cannot be removed stays and is in nobody's way."""
    with contextlib.suppress(OSError):
        for name in os.listdir(target.parent):  # 1 ms for a thousand names, where a flush to the disk takes 10
            if name.startswith("."):
                with contextlib.suppress(OSError, NotImplementedError):
                    _remove_if_left(target.parent / name, target)


def _remove_if_left(entry: pathlib.Path, target: pathlib.Path) -> None:
    if not _OWN.fullmatch(entry.name):
        former_names.remove_leftover(entry, target)
    elif entry.is_dir() and not entry.is_symlink():
        _remove(entry, _lock(entry))


# --- a writer's own folder -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _own_folder(target: pathlib.Path) -> Iterator[pathlib.Path]:
    remove_leftovers(target)
    own, lock = _make(target.parent)
    try:
        if lock is None:
            (own / "lock").touch()  # where even this fails, it was not for want of locks
        yield own
    finally:
        _remove(own, lock)


def _make(parent: pathlib.Path) -> tuple[pathlib.Path, filelock.BaseFileLock | None]:
    """A writer's folder and its lock, None where there are none. Raises OSError as the disk does."""
    for _ in range(8):
        own = parent / f".{secrets.token_hex(4)}.indextts2"
        own.mkdir(mode=0o700)
        with contextlib.suppress(OSError, NotImplementedError):
            return own, _lock(own)
        # Another writer came between the two, saw no lock and took it for a left-over; or there are no locks here.
        shutil.rmtree(own, ignore_errors=True)
    own.mkdir(mode=0o700)
    return own, None


def _lock(own: pathlib.Path) -> filelock.BaseFileLock:
    """Raises OSError where its writer lives (filelock.Timeout is one), that or NotImplementedError without locks."""
    lock = filelock.FileLock(own / "lock", timeout=0, thread_local=False)  # a writer may end in another thread
    lock.acquire()
    return lock


def _remove(own: pathlib.Path, lock: filelock.BaseFileLock | None) -> None:
    """Removes a writer's folder, with its lock held; what stood at the target goes back if that is empty."""
    try:
        for former in own.glob("old.*/*"):
            target = own.parent / former.name
            if not os.path.lexists(target):
                os.rename(former, target)
        shutil.rmtree(own, ignore_errors=True)
    finally:
        if lock is not None:
            lock.release()
    with contextlib.suppress(OSError):
        own.rmdir()  # Windows does not remove a file that is open, as the lock was


def _swap(own: pathlib.Path, target: pathlib.Path) -> None:
    for attempt in itertools.count():
        old = own / f"old.{attempt}"
        old.mkdir()
        with contextlib.suppress(FileNotFoundError):
            os.rename(target, old / target.name)
        try:
            os.rename(own / "new", target)
            break
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            # another writer's came between the two: it is replaced as well
    for old in own.glob("old.*"):  # now: another writer may move the target away, and `_remove` would put these back
        shutil.rmtree(old, ignore_errors=True)


def _flush(path: pathlib.Path) -> None:
    """Makes what is in a file, or the names in a folder, last through a power cut."""
    if os.name != "posix" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
