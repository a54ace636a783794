"""A bounded memory of what was made from what: by the content of the source, never by its name."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import cachetools

T = TypeVar("T")


class LRU(Generic[T]):
    """The `size` values asked for last; 0 keeps nothing. Safe between threads.

    With `weigh` a value counts for so many, and what is larger than `size` is not kept.
    """

    def __init__(self, size: int, weigh: Callable[[T], int] | None = None) -> None:
        self._kept: cachetools.LRUCache[Hashable, T] = cachetools.LRUCache(size, weigh)
        kept = cachetools.cached(self._kept, key=lambda key, make: key, condition=threading.Condition())
        self._get = kept(lambda key, make: make())

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of the key; made where it is not kept.

        Who asks for a key that another thread is making waits for it; other keys are made at the same time. What `make`
        raises is raised to the one whose it was, nothing is kept, and the next one who waits makes it anew.
        """
        return self._get(key, make)
