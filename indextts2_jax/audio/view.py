"""A file as a decoder should see it: with a header that is right, without what stands in front."""

import io
import os
from typing import Any, BinaryIO, TypeAlias

Handle: TypeAlias = BinaryIO | io.BytesIO


class View(io.RawIOBase):
    """`head`, and behind it the bytes from `start` to `stop` of another file, which stays open meanwhile."""

    def __init__(self, head: bytes, handle: Handle, start: int, stop: int) -> None:
        self._head, self._handle, self._start = head, handle, start
        self._size = len(head) + stop - start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        data = self._head[self._position : self._position + wanted]
        if not data:
            self._handle.seek(self._start + self._position - len(self._head))
            data = self._handle.read(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
