"""A play as people type it -> lines.

# a comment, and so is what stands behind //
Anna: Good evening. [pause:400ms] Come in!
Ben (sad): I would rather not.
    I have walked all day.              (indented: Ben goes on)
(They sit down.)                        a stage direction, not spoken; the silence around it is longer
[pause:2s]                              silence of that length between two lines
And so the evening began.               no name: the cast's `default` speaks, up to a blank line
\\Note: a text that looks like a name and a colon begins with a backslash.
"""

import dataclasses
from collections.abc import Collection

from indextts2_jax.dialogue.lines import (
    MAX_LINES,
    UNREADABLE,
    Fault,
    Line,
    Script,
    cleaned,
    folded,
    has_words,
    header,
    is_direction,
    plain,
    whole_directions,
)
from indextts2_jax.errors import TextError
from indextts2_jax.text.reading import added
from indextts2_jax.text.script import PAUSE

COMMENTS = ("#", "//")


@dataclasses.dataclass
class _Speech:
    """What is being collected of one speaker."""

    at: int
    speaker: str
    emotion: str
    parts: list[str]
    after_direction: bool


def read_play(text: str, names: Collection[str] = ()) -> Script:
    """Reads a play; what is wrong in it is among the script's faults.

    Args:
      names: of the cast; a line that begins with one of them and a colon is theirs, whatever the name looks like.
    """
    reader = _Reader(frozenset(map(folded, names)))
    for at, line in whole_directions(plain(text).split("\n")):
        reader.take(at, line)
    return reader.end()


class _Reader:
    """Line after line of the file."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._lines: list[Line] = []
        self._faults: list[Fault] = []
        self._notes: list[str] = []
        self._speech: _Speech | None = None
        self._pause: float | None = None
        self._direction = False
        self._speakers: set[str] = set()

    def take(self, at: int, line: str) -> None:
        stripped = line.strip()
        if not stripped:
            if self._speech and self._speech.parts:
                self._close()
            return
        if stripped.startswith(COMMENTS):
            return
        if not PAUSE.sub("", stripped).strip():
            self._silence(at, stripped)
        elif is_direction(stripped):
            self._close()
            self._direction = True
        elif found := header(stripped, self._names):
            speaker, emotion, text = found
            self._speakers.add(folded(speaker))
            self._open(at, speaker, emotion, [text] if text else [])
        elif self._speech and (line[0].isspace() or not self._speech.parts or not self._speech.speaker):
            self._speech.parts.append(stripped.removeprefix("\\"))
        else:
            self._open(at, "", "", [stripped.removeprefix("\\")])

    def end(self) -> Script:
        self._close()
        if not self._lines and not self._faults:
            self._faults.append(Fault(0, "there is nothing to speak in it."))
        if len(self._lines) > MAX_LINES:
            self._faults = [Fault(0, f"it has {len(self._lines):,} lines; at most {MAX_LINES:,} are spoken at a time.")]
        return Script(
            tuple(self._lines),
            tuple(self._faults),
            tuple(self._notes),
            end_pause_ms=self._pause or 0.0,
            speakers=frozenset(self._speakers),
        )

    def _silence(self, at: int, text: str) -> None:
        self._close()
        try:
            self._pause = added(self._pause, cleaned(text)[0])
        except TextError as error:
            self._faults.append(Fault(at, str(error)))

    def _open(self, at: int, speaker: str, emotion: str, parts: list[str]) -> None:
        self._close()
        self._speech = _Speech(at, speaker, emotion, parts, self._direction)
        self._direction = False

    def _close(self) -> None:
        """The speech so far becomes a line."""
        speech, self._speech = self._speech, None
        if speech is None:
            return
        try:
            before, text, after = cleaned(" ".join(speech.parts))
        except TextError as error:
            self._faults.append(Fault(speech.at, str(error)))
            before, text, after = None, UNREADABLE, None
        pause = added(self._pause, before)
        if not speech.parts:
            self._faults.append(Fault(speech.at, f"{speech.speaker} says nothing."))
        elif not has_words(text):  # "…": a beat
            self._notes.append(f"Line {speech.at} has no words in it and is a moment of silence.")
            self._direction, self._pause = True, added(pause, after)
        else:
            self._lines.append(
                Line(
                    len(self._lines) + 1,
                    speech.at,
                    text,
                    speech.speaker,
                    speech.emotion,
                    pause,
                    speech.after_direction,
                )
            )
            self._pause = after
