"""What a connection speaks, sentence by sentence, a few of them asked of the model before their turn.

    put ─► what is wanted ─ `ask` ─► speeches, `AHEAD` of them ─► `answers`
             marks of the connection's own keep their places between

`put` waits for room only behind a thousand sentences, so that whoever listens to a client goes on listening and knows
when it has gone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from indextts2_jax.serving.problems import Problem
from indextts2_jax.serving.speakers import Speakers, Speech, Wanted

AHEAD = 3
"""Sentences that are asked for before the one that is being sent has ended."""

WAITING = 1000
"""Sentences that wait to be asked for."""

IDLE_SECONDS = 300.0
"""For which a client may say nothing while it waits for nothing."""

M = TypeVar("M")
T = TypeVar("T")

Asked: TypeAlias = tuple[str, Wanted, Speech]
"""A text, and what speaks it."""


class Ahead(Generic[M]):
    """One connection's sentences, and its marks of type `M`. `ask` runs beside whoever puts and takes."""

    def __init__(self, speakers: Speakers) -> None:
        self._speakers = speakers
        self._wanted: asyncio.Queue[tuple[Mapping[str, Any], bool] | tuple[M]] = asyncio.Queue(WAITING)
        self._asked: asyncio.Queue[Asked | Problem | tuple[M]] = asyncio.Queue(AHEAD)
        self._owed = 0

    async def put(self, fields: Mapping[str, Any]) -> None:
        """A sentence: the fields of a speech. It is still spoken where the server is told to stop from now on."""
        self._owe(1)
        await self._wanted.put((fields, not self._speakers.link.closing))

    async def mark(self, mark: M) -> None:
        """Comes out at its place."""
        self._owe(1)
        await self._wanted.put((mark,))

    async def ask(self) -> None:
        """Until it is cancelled."""
        while True:
            wanted = await self._wanted.get()
            asked = wanted if len(wanted) == 1 else await self._ask(*wanted)
            try:
                await self._asked.put(asked)
            except BaseException:
                _close(asked)
                raise

    async def answers(self) -> AsyncIterator[Asked | Problem | tuple[M]]:
        """Speeches, which the caller closes, what went wrong instead of one, and marks, each alone in a tuple."""
        while True:
            yield await self._asked.get()
            self._owe(-1)

    async def unless_idle(self, listening: Awaitable[T]) -> T:
        """What the client says. Raises TimeoutError: it says nothing, and waits for nothing."""
        heard = asyncio.ensure_future(listening)
        try:
            while not (await asyncio.wait({heard}, timeout=IDLE_SECONDS))[0]:
                if not self._owed:
                    raise TimeoutError
            return heard.result()
        finally:
            heard.cancel()

    def close(self) -> None:
        """Stops what nobody takes any more; nothing else may run by then."""
        self._owe(-self._owed)
        while not self._asked.empty():
            _close(self._asked.get_nowait())

    def _owe(self, more: int) -> None:
        self._owed += more
        self._speakers.owed += more

    async def _ask(self, fields: Mapping[str, Any], begun: bool) -> Asked | Problem:
        try:
            wanted = await self._speakers.prepare(fields)
        except Problem as problem:
            return problem
        return fields["input"], wanted, self._speakers.speak(wanted, begun=begun)


def _close(asked: Asked | Problem | tuple[M]) -> None:
    if isinstance(asked, tuple) and len(asked) == 3:
        asked[2].close()
