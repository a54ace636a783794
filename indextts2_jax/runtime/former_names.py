"""Temporary names of earlier versions: what their killed writers left is known by name and age, for nothing held it."""

import os
import pathlib
import re
import shutil
import time

AGE = 24 * 3600
"""Seconds after which no writer is at work on it any more."""


def remove_leftover(entry: pathlib.Path, target: pathlib.Path) -> None:
    """Removes `entry` if an earlier version's writer of `target` left it there. Raises OSError as the disk does."""
    found = _pattern(target).fullmatch(entry.name)
    if not found or entry.is_symlink():
        return
    if found["old"] and not os.path.lexists(target):  # killed between two renames
        os.rename(entry, target)
        return
    names = os.listdir(entry) if entry.is_dir() else None
    changed = max(path.lstat().st_mtime for path in (entry, *(entry / name for name in names or ())))
    if time.time() - changed < AGE:
        return
    if found["random"] and not (names and set(names) <= {"voice", f"plot{target.suffix}"}):
        return  # names of other programs may look like that
    if names is None:
        entry.unlink()
    else:
        shutil.rmtree(entry)


def _pattern(target: pathlib.Path) -> re.Pattern[str]:
    name, stem, ending = re.escape(target.name), re.escape(target.stem), target.suffix.lower()
    kinds = [
        rf"\.{name}\.[0-9a-f]{{8}}\.(new|(?P<old>old))",  # artefacts, data sets
        rf"(?P<random>\.{name}\.[a-z0-9_]{{8}})",  # voices, plots
        rf"\.{name}\.\d+\.npz",  # stage arrays
        rf"\.{name}\.new|\.{stem}\.new\.png",  # training
    ]
    if ending in (".wav", ".flac"):
        kinds.append(r"\.[0-9a-f]{16}\.tmp")
    if ending == ".fst":
        kinds.append(r"\.building-[a-z0-9_]{8}")
    return re.compile("|".join(kinds))
