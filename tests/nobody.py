"""Tests of permissions, which root has all of: a while as a user who owns nothing."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import pytest

NOBODY = 65534


@contextlib.contextmanager
def closed(path: pathlib.Path, around: pathlib.Path) -> Iterator[None]:
    """`path` may not be read or passed through, everything else below `around` may; root is nobody meanwhile.

    What is tested has been called before, as modules that are imported now may be root's alone.
    """
    if not hasattr(os, "seteuid"):
        pytest.skip("needs POSIX permissions")
    for one in (around, *around.parents):
        if one.stat().st_uid == os.geteuid() and one != pathlib.Path("/"):
            one.chmod(one.stat().st_mode | 0o055)
    for one in around.rglob("*"):
        if not one.is_symlink():
            one.chmod(0o755 if one.is_dir() else 0o644)
    mode, user = path.stat().st_mode, os.geteuid()
    path.chmod(0)
    try:
        if user == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        path.chmod(mode)
