"""When what was spoken is heard: SRT, WebVTT and JSON of any speech.

Utterance (text as written, spans of its segments) ─ timed_words ─► words with times ─ captions ─► cues ─► a file

The times of words are even division for now: of each segment's time by the length of its words. A model that knows
better gives them as `Utterance.words`.
"""

import bisect
import dataclasses
import html
import itertools
import json
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.takes import check_writable, write_text
from indextts2_jax.errors import AudioError
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.text.script import without_pauses

By: TypeAlias = Literal["line", "sentence"]

SUFFIXES = (".srt", ".vtt", ".json")

ROW = 42
"""Characters of a row, as subtitles have them."""
ROWS = 2

NEAR = 16
"""Words around a segment's share of the text in which its end is looked for."""

SOLID = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
STOPS = "。，、！？；：…”’」』）》"
WORD = re.compile(rf"[{SOLID}][{STOPS}]*|[^\s{SOLID}]+")
SENTENCE_END = re.compile(r".*[.!?…。！？]+[\"'”’」』)）]*", re.DOTALL)
CLAUSE_END = re.compile(r".*[,;:，、；：—–]+[\"'”’」』)）]*", re.DOTALL)


class Word(NamedTuple):
    """A word of the text as written, or a character of a script without spaces."""

    text: str
    start: float
    """Seconds from the beginning of the recording."""
    end: float
    spaced: bool = True
    """Whether a space stands before it."""


@dataclasses.dataclass(frozen=True)
class Utterance:
    """What one speaker said in one go."""

    text: str
    """As written; pauses in it are no part of what is shown."""
    start: int
    """The sample of the recording that it begins at."""
    spans: Sequence[tuple[int, ...]]
    """Samples of each segment, from and up to, counted from there."""
    tokens: Sequence[int]
    """Text tokens of each segment: its share of the text."""
    speaker: str = ""
    words: Sequence[Word] | None = None
    """Where the model knows their times."""


def utterance_of(text: str, speech: Speech) -> Utterance:
    """A speech that is a recording of its own; `text` is what was to be said, as written."""
    return Utterance(text, 0, speech.spans, [len(segment) for segment in speech.segments])


class Caption(NamedTuple):
    """What is shown at a time."""

    start: float
    end: float
    rows: tuple[str, ...]
    speaker: str = ""


# --- words --------------------------------------------------------------------------------------------------------


def timed_words(utterance: Utterance) -> list[Word]:
    """The words of an utterance, each with the time that it is spoken at."""
    if utterance.words is not None:
        return list(utterance.words)
    text = without_pauses(utterance.text)
    found = list(WORD.finditer(text))
    shared = _shared([match[0] for match in found], utterance.tokens)
    result: list[Word] = []
    for (first, last), span in zip(itertools.pairwise([0, *shared]), utterance.spans, strict=True):
        weights = [_weight(match[0]) for match in found[first:last]]
        passed = 0
        for match, weight in zip(found[first:last], weights, strict=True):
            start, end = (
                (utterance.start + span[0] + (span[1] - span[0]) * part / sum(weights)) / SAMPLING_RATE
                for part in (passed, passed + weight)
            )
            result.append(Word(match[0], start, end, match.start() > 0 and text[match.start() - 1].isspace()))
            passed += weight
    return result


def _weight(word: str) -> int:
    """How long it takes to say, in letters; a stop at its end takes as long as some."""
    pause = 4 if SENTENCE_END.fullmatch(word) else 2 if CLAUSE_END.fullmatch(word) else 0
    return 1 + sum(map(str.isalnum, word)) + pause


def _shared(words: Sequence[str], tokens: Sequence[int]) -> list[int]:
    """Behind which word each segment ends: at the end of a sentence or a clause that is near its share of the text."""
    ends = [0, *itertools.accumulate(map(_weight, words))]
    whole, spoken = ends[-1], max(1, sum(tokens))
    result: list[int] = []
    for passed in itertools.accumulate(tokens):
        target = whole * passed / spoken
        middle = bisect.bisect_left(ends, target)
        places = range(max(0, middle - NEAR), min(len(ends), middle + NEAR))
        near = min(places, key=lambda place: abs(ends[place] - target) - _bonus(words, place))
        result.append(max(near, result[-1] if result else 0))
    if result:
        result[-1] = len(words)
    return result


def _bonus(words: Sequence[str], place: int) -> float:
    """How many letters away from its share a segment may end for the sake of a stop."""
    word = words[place - 1] if place else ""
    return 30.0 if SENTENCE_END.fullmatch(word) else 10.0 if CLAUSE_END.fullmatch(word) else 0.0


# --- captions -----------------------------------------------------------------------------------------------------


def captions(utterances: Iterable[Utterance], by: By = "line") -> list[Caption]:
    """What is shown, in the order of the utterances: at most two rows of 42 characters at a time.

    Args:
      by: what is not shown together though it would fit: "sentence", or "line", what one speaker says in one go.
    """
    result = []
    for utterance in utterances:
        words = timed_words(utterance)
        pieces = _sentences(words) if by == "sentence" else [words] if words else []
        for piece in pieces:
            for block in _blocks(piece):
                result.append(Caption(block[0].start, block[-1].end, _rows(block), utterance.speaker))
    return result


def _sentences(words: Sequence[Word]) -> list[list[Word]]:
    result: list[list[Word]] = [[]]
    for word in words:
        result[-1].append(word)
        if SENTENCE_END.fullmatch(word.text):
            result.append([])
    return [sentence for sentence in result if sentence]


def _blocks(words: Sequence[Word]) -> list[list[Word]]:
    """As few captions as can be, which end with a sentence or a clause where one ends in their later half."""
    words = [part for word in words for part in _short(word)]
    result = []
    while words:
        most = 1
        while most < len(words) and len(_fold(words[: most + 1])) <= ROWS:
            most += 1
        if most < len(words):
            later = range(most, most // 2, -1)
            ends = [n for n in later if SENTENCE_END.fullmatch(words[n - 1].text)]
            ends += [n for n in later if CLAUSE_END.fullmatch(words[n - 1].text)]
            most = ends[0] if ends else most
        result.append(words[:most])
        words = words[most:]
    return result


def _short(word: Word) -> list[Word]:
    """A word in parts that a row has room for."""
    if len(word.text) <= ROW:
        return [word]
    step = (word.end - word.start) / len(word.text)
    return [
        Word(word.text[at : at + ROW], word.start + step * at, min(word.end, word.start + step * (at + ROW)), not at)
        for at in range(0, len(word.text), ROW)
    ]


def _fold(words: Sequence[Word], width: int = ROW) -> list[str]:
    """As few rows as can be, each as full as can be."""
    rows = [""]
    for word in words:
        joined = _joined(rows[-1], word)
        if rows[-1] and len(joined) > width:
            rows.append(word.text)
        else:
            rows[-1] = joined
    return rows


def _rows(words: Sequence[Word]) -> tuple[str, ...]:
    """The same number of rows, of similar length."""
    rows = _fold(words)
    for width in range(max(len(word.text) for word in words), ROW):
        narrower = _fold(words, width)
        if len(narrower) == len(rows):
            return tuple(narrower)
    return tuple(rows)


def _joined(row: str, word: Word) -> str:
    return f"{row} {word.text}" if row and word.spaced else row + word.text


# --- files --------------------------------------------------------------------------------------------------------


def check_times(path: str | pathlib.Path) -> None:
    """Raises `AudioError` where `write_times` could not write."""
    times_suffix(path)
    check_writable(pathlib.Path(path))


def times_suffix(path: str | pathlib.Path) -> str:
    """The ending of a name that says which format is written. Raises `AudioError` for another."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise AudioError(f"Cannot write times to {str(path)!r}: give a name that ends in .srt, .vtt or .json.")
    return suffix


def write_times(path: str | pathlib.Path, utterances: Sequence[Utterance], by: By = "line") -> None:
    """Writes SRT, WebVTT or JSON, as the name ends; whole or not at all. Raises `AudioError`."""
    suffix = times_suffix(path)
    text = times_json(utterances, by) if suffix == ".json" else subtitles(captions(utterances, by), suffix == ".vtt")
    write_text(pathlib.Path(path), text)


def subtitles(shown: Sequence[Caption], webvtt: bool) -> str:
    """SRT, which has no place for the speaker, or WebVTT, which has."""
    parts = ["WEBVTT\n"] if webvtt else []
    for number, caption in enumerate(shown, 1):
        start, end = (round(1000 * seconds) for seconds in (caption.start, caption.end))
        times = f"{_stamp(start, webvtt)} --> {_stamp(max(end, start + 1), webvtt)}"
        text = "\n".join(caption.rows)
        if webvtt:
            text = html.escape(text, quote=False)
            speaker = html.escape(caption.speaker.replace(">", ""), quote=False)
            parts.append(f"{times}\n<v {speaker}>{text}\n" if speaker else f"{times}\n{text}\n")
        else:
            parts.append(f"{number}\n{times}\n{text.replace('-->', '->')}\n")
    return "\n".join(parts)


def _stamp(milliseconds: int, webvtt: bool) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{'.' if webvtt else ','}{rest:03}"


def times_json(utterances: Sequence[Utterance], by: By = "line") -> str:
    """A JSON list: of each line or sentence its start and end in seconds, the speaker and the text, unbroken."""
    entries = []
    for utterance in utterances:
        words = timed_words(utterance)
        for piece in _sentences(words) if by == "sentence" else [words] if words else []:
            text = ""
            for word in piece:
                text = _joined(text, word)
            start, end = round(piece[0].start, 3), round(piece[-1].end, 3)
            entries.append({"start": start, "end": end, "speaker": utterance.speaker, "text": text})
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
