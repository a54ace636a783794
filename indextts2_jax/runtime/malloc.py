"""Memory of the host that XLA's CPU backend frees and takes again thousands of times.

glibc returns every freed block of more than 32 MB to the system at once, and large free space at the end of its heap
soon after. XLA frees its temporary buffers after each execution, so the next one gets pages that the system has to
clear and map anew, 4 kB at a time: measured on two CPU cores, a quarter to a half of the time of a training step. This
switches it off: what has been freed stays with the process and is used again.

The price is that the process keeps the most memory that it ever had (the same peak, not a higher one, give or take
256 MB and what becomes fragmented).
"""

import ctypes
import platform
import sys
from typing import Any

# from malloc.h of glibc
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_OPTIONS = (
    (_ARENA_MAX, 1),  # one heap for all threads: what one frees another takes
    (_MMAP_MAX, 0),  # no block of its own mapping, which would be returned when freed
    (_TRIM_THRESHOLD, 2**31 - 1),  # never give back the end of the heap
    (_TOP_PAD, 256 * 2**20),  # grow in large steps
)


def is_glibc() -> bool:
    return sys.platform == "linux" and platform.libc_ver()[0] == "glibc"


def _glibc(name: str) -> Any:
    """A function of glibc; None where there is none: elsewhere, with another allocator, in a static program."""
    if not is_glibc():
        return None
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except OSError:
        return None


def keep_freed_memory() -> bool:
    """Makes glibc keep what is freed; for the whole process, so nothing in this package does it by itself.

    Call it before the first computation, since threads that run already keep the heaps that they have.

    Returns:
      Whether it was done: on Linux with glibc it is, elsewhere nothing happens.
    """
    mallopt = _glibc("mallopt")
    return mallopt is not None and all(mallopt(option, value) == 1 for option, value in _OPTIONS)


def give_back_freed_memory() -> bool:
    """Returns what is free just now to the system, kept or not: behind something large that seldom comes.

    Takes 50 ms for half a gigabyte.

    Returns:
      Whether it was done, as above.
    """
    trim = _glibc("malloc_trim")
    if trim is None:
        return False
    trim(0)
    return True
