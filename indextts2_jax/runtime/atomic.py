"""A folder that appears whole or not at all, whatever happens to the process that writes it.

    .NAME.1f2e3d4c.new    being written; locked by its writer, so that anyone can tell it from one left behind
    NAME                  the folder; replaced by two renames, between which a kill leaves none
    .NAME.1f2e3d4c.old    the one before, for the moment of the replacement; put back if that was interrupted

Left-overs of killed writers are removed when the next writer begins. Locks are held on the folders themselves and
vanish with the process.
"""

import contextlib
import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows has no such lock: one writer at a time, and what a kill leaves behind stays
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def replaced_folder(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """`with replaced_folder(path) as new:` fill `new`; at the end it becomes `path`, instead of what was there.

    When the block raises, `path` is as it was and `new` is gone. The files written are expected to be on the disk
    (fsync) when the block ends. What stands at `path` is removed without a question: the caller must have looked.

    Raises:
      OSError: as the disk does.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent):
        _remove_leftovers(target)
        new = _sibling(target, "new")
        new.mkdir()
        lock = _lock(new, wait=False)
    try:
        yield new
        _flush_folder(new)
        with _locked(target.parent):
            _swap(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _sibling(target: pathlib.Path, ending: str) -> pathlib.Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.{ending}")


def _swap(new: pathlib.Path, target: pathlib.Path) -> None:
    old = _sibling(target, "old") if target.exists() else None
    try:
        if old:
            os.rename(target, old)
        os.rename(new, target)
    except BaseException:  # an interrupt from the keyboard too
        if old and old.exists() and not target.exists():
            os.rename(old, target)
        raise
    try:
        _flush_folder(target.parent)
    finally:
        if old:
            shutil.rmtree(old, ignore_errors=True)


def _remove_leftovers(target: pathlib.Path) -> None:
    """Called with the parent locked, so that no swap is under way and no new folder is between mkdir and lock."""
    pattern = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{8}\.(new|old)")
    for entry in list(target.parent.iterdir()):
        found = pattern.fullmatch(entry.name)
        if not found or fcntl is None:
            continue
        if found[1] == "old" and not target.exists():
            os.rename(entry, target)
            continue
        lock = _lock(entry, wait=False)
        if lock is not None:
            shutil.rmtree(entry, ignore_errors=True)
            os.close(lock)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    lock = _lock(folder, wait=True)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _lock(folder: pathlib.Path, wait: bool) -> int | None:
    """An open descriptor that holds the lock until it is closed; None if another process holds it."""
    if fcntl is None:
        return None
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        # Held by another writer or just removed by it; or a file system without locks, where left-overs stay.
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _flush_folder(folder: pathlib.Path) -> None:
    """Makes the names in a folder last through a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
