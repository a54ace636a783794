"""Freed memory stays with the process, where it was asked to."""

import subprocess
import sys

import pytest

from indextts2_jax.runtime import malloc

PROCESS = """
import resource, sys
from indextts2_jax.runtime.malloc import give_back_freed_memory, keep_freed_memory
asked = sys.argv[1] != "leave"
assert not asked or keep_freed_memory()
import numpy as np
def touch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(100 * 2**20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
touch(), touch()
if sys.argv[1] == "give back":
    give_back_freed_memory()
print(touch())
"""


def faults(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROCESS, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not malloc.is_glibc(), reason="glibc only")
def test_what_is_freed_is_used_again():
    """100 MB are 25,600 pages of 4 kB (or 50 of 2 MB): mapped each time, or once."""
    assert faults("keep") < 20
    assert faults("leave") >= 50
    assert faults("give back") >= 50


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(malloc.sys, "platform", "darwin")
    assert not malloc.keep_freed_memory()
    assert not malloc.give_back_freed_memory()
