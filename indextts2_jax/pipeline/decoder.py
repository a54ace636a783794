"""Codes for speeches that come and go: draws join the rows of the decoder at its next boundary, and leave when done.

    Draw ─ join ─► waiting ─ prefill ─► a row of a bank ─ run, run, ... ─► Draw.news: codes so far, and at last all

A bank is R rows of one program (`gpt/rows.py`): of equal rules of choice, room for the prompt and slots. Banks take
turns. All that a draw's numbers depend on, its bank's sizes and when it moves to a larger one included, follows from
itself: the codes are those that it gets alone.

`run` may be in a thread of its own: whoever joins, leaves or reads news meanwhile is seen at the next boundary.
"""

import collections
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from indextts2_jax.array_typing import Params
from indextts2_jax.config import DecodeConfig, ModelConfig
from indextts2_jax.gpt import decode as gpt_decode
from indextts2_jax.gpt import kv_cache, rows
from indextts2_jax.pipeline import stages
from indextts2_jax.pipeline.generation import (
    DECODER_MARKERS,
    CodesToCome,
    SegmentCodes,
    Utterance,
    decoder_inputs,
    padded_text,
)

SHORTEST_PROMPT = 128
"""Positions of the shortest prompt: most sentences share a bank."""

MOST_BANKS = 4
"""So many at a time; who needs another one waits until one is empty. Each has the memory of all its rows."""


class Draw:
    """One draw of the codes of a segment: wanted, and what has come of it."""

    def __init__(self, utterance: Utterance, decode: DecodeConfig, stops: Callable[[int], int] | None = None) -> None:
        """`stops`, for a stream: from the number of codes chosen so far to the number at which to look next."""
        self.utterance = utterance
        self.decode = decode
        self.stops = stops
        self.news: collections.deque[tuple[SegmentCodes, bool]] = collections.deque()
        """The codes settled at each stop, and whether these are all; not yet read."""
        self.error: Exception | None = None
        """What kept it from having codes, if anything."""
        self.wanted = True
        """Whether somebody waits for it."""
        self._known = 0

    @property
    def has_news(self) -> bool:
        """Whether there is something to be read, or an error."""
        return bool(self.news) or self.error is not None

    def settled(self, codes: np.ndarray) -> None:
        """So many codes are known at a stop."""
        if len(codes) > self._known:
            self._known = len(codes)
            self.news.append((SegmentCodes(codes, False), False))

    def finished(self, made: gpt_decode.SpeechCodes) -> None:
        """All codes are known: those of the only request."""
        self.news.append((SegmentCodes(made.codes[0, : made.lengths[0]], bool(made.stopped[0])), True))

    def until(self, reached: int) -> int:
        """The number of codes at which its row is to stop."""
        limit = self.decode.max_mel_tokens
        return min(limit, max(self.stops(reached), reached + 1)) if self.stops else limit


class _Key(NamedTuple):
    """What all rows of a bank have in common."""

    rules: DecodeConfig
    prompt: int
    slots: int


@dataclasses.dataclass
class _Waiting:
    """A draw without a row; `begun` where it comes from a smaller bank."""

    draw: Draw
    key: _Key
    begun: rows.Rows | None = None


@dataclasses.dataclass
class _Bank:
    rows: rows.Rows
    draws: list[Draw | None]
    until: np.ndarray

    def free(self) -> int | None:
        """A row that nobody has."""
        return self.draws.index(None) if None in self.draws else None

    def leave(self, row: int) -> None:
        self.draws[row], self.until[row] = None, 0


class Decoder:
    """The rows of a model's decoder, and who waits for one. `join` and `leave` are for any thread, the others for one
    at a time."""

    def __init__(self, params: Params, model: ModelConfig, count: int) -> None:
        """`count` rows are computed in each bank, always."""
        self._params = params
        self._model = model
        self._count = count
        self._coming: collections.deque[_Waiting] = collections.deque()
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._banks: dict[_Key, _Bank] = {}

    @property
    def idle(self) -> bool:
        """Whether no draw that is wanted is in a row or waits for one."""
        draws = [one.draw for one in [*self._coming, *self._waiting]]
        for bank in [*self._banks.values()]:
            draws += filter(None, bank.draws)
        return not any(draw.wanted for draw in draws)

    def join(self, draw: Draw) -> None:
        """From the next boundary on it is worked at, if a row is free."""
        others = self._model.gpt.condition_rows + DECODER_MARKERS
        prompt = max(SHORTEST_PROMPT, others + padded_text([draw.utterance], others)[0].shape[1])
        rules = dataclasses.replace(draw.decode, max_mel_tokens=0, kernels=False)
        self._coming.append(_Waiting(draw, _Key(rules, prompt, kv_cache.first(rules.num_beams))))

    def leave(self, draw: Draw) -> None:
        """Nobody wants it any more; its row is free at the next boundary."""
        draw.wanted = False

    def run(self, steps: int) -> None:
        """One boundary: those who wait join, then every bank makes at most so many steps."""
        with jax.default_matmul_precision(stages.PRECISION):
            self._forget_unwanted()
            while self._coming:
                self._waiting.append(self._coming.popleft())
            self._admit()
            for key in [*self._banks]:
                bank = self._banks[key]
                try:
                    self._run(key, bank, steps)
                except Exception as error:  # its memory may be gone; whoever waits for the codes raises it
                    self._banks.pop(key)
                    for draw in filter(None, bank.draws):
                        draw.error = error

    # --- joining ---

    def _forget_unwanted(self) -> None:
        self._waiting = collections.deque(one for one in self._waiting if one.draw.wanted)
        for bank in self._banks.values():
            for row, draw in enumerate(bank.draws):
                if draw is not None and not draw.wanted:
                    bank.leave(row)

    def _admit(self) -> None:
        """Gives rows to those who wait, in order; one whose bank is full does not hold up those of other banks."""
        waiting, self._waiting = self._waiting, collections.deque()
        while waiting:
            one = waiting.popleft()
            if not self._has_room(one.key):
                self._waiting.append(one)
                if one.key not in self._banks:  # all banks have to do: until one is empty nobody joins it
                    break
                continue
            try:
                self._begin(one)
            except Exception as error:  # likewise raised by who waits for the codes
                one.draw.error = error
        self._waiting.extend(waiting)

    def _has_room(self, key: _Key) -> bool:
        if key in self._banks:
            return self._banks[key].free() is not None
        if len(self._banks) >= MOST_BANKS:
            for other in [other for other, bank in self._banks.items() if not any(bank.draws)]:
                del self._banks[other]
        return len(self._banks) < MOST_BANKS

    def _begin(self, one: _Waiting) -> None:
        begun = one.begun or self._prefill(one)
        if one.key not in self._banks:
            none: list[Draw | None] = [None] * self._count
            self._banks[one.key] = _Bank(rows.empty(begun, self._count), none, np.zeros(self._count, np.int32))
        bank = self._banks[one.key]
        row = bank.free()
        assert row is not None
        reached = int(begun.state.step)
        bank.rows = rows.put(bank.rows, np.int32(row), begun)
        bank.draws[row], bank.until[row] = one.draw, one.draw.until(reached)

    def _prefill(self, one: _Waiting) -> rows.Rows:
        """Reads the prompt and chooses the first code."""
        utterance, key = one.draw.utterance, one.key
        conditions, ids, lengths = decoder_inputs(self._params, self._model, [utterance])
        gpt = self._model.gpt
        keys = jax.random.fold_in(utterance.key, 0)[None] if key.rules.do_sample else None
        params = self._params["gpt"]["speech_lm"]
        prefix, state = gpt_decode.begin(gpt, key.rules, key.slots, params, conditions, ids, lengths, keys)
        return rows.Rows(rows.fitted(prefix, key.prompt), keys, state)

    # --- at a boundary ---

    def _run(self, key: _Key, bank: _Bank, steps: int) -> None:
        if not any(bank.draws):
            return
        params, beams = self._params["gpt"]["speech_lm"], key.rules.num_beams
        bank.rows = rows.run(self._model.gpt, key.rules, params, bank.until.copy(), np.int32(steps), bank.rows)
        state = bank.rows.state
        reached, done, room = jax.device_get((state.step, state.done, rows.has_room(state, beams)))
        for row, draw in enumerate(bank.draws):
            if draw is None:
                continue
            if done[row] or reached[row] == draw.decode.max_mel_tokens:
                draw.finished(gpt_decode.finish(self._model.gpt, draw.decode, self._logs(bank, row)))
                bank.leave(row)
                continue
            if draw.stops and reached[row] == bank.until[row]:
                draw.settled(gpt_decode.settled(self._logs(bank, row)))
                bank.until[row] = draw.until(int(reached[row]))
            if not room[row]:
                self._waiting.appendleft(self._packed(key, bank, row))
                bank.leave(row)

    def _logs(self, bank: _Bank, row: int) -> gpt_decode.DecodeState:
        """The state of a row without its keys and values."""
        return rows.state_of(bank.rows.state._replace(generated=()), np.int32(row), self._count)

    def _packed(self, key: _Key, bank: _Bank, row: int) -> _Waiting:
        """The draw of a row whose slots are full, with those that are still needed in front, and more where too few
        come free."""
        draw = bank.draws[row]
        assert draw is not None
        taken = rows.take(bank.rows, np.int32(row), self._count)
        kept = int(kv_cache.descended_from(taken.state.visible, taken.state.done))
        slots = kv_cache.room(kept, key.slots, key.rules.num_beams)
        state = gpt_decode.repack(taken.state, kept, slots)
        return _Waiting(draw, key._replace(slots=slots), taken._replace(state=state))


def codes_of(draw: Draw, wait: Callable[[], None]) -> CodesToCome:
    """What comes of a draw, as it comes; `wait` returns when there is news or an error."""
    while True:
        while not draw.has_news:
            wait()
        if draw.error is not None:
            raise draw.error
        codes, last = draw.news.popleft()
        yield codes, last
        if last:
            return
