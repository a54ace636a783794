"""When what was spoken is heard: SRT, WebVTT and JSON of any speech.

Said (words and their times) ─ captions ─► cues of a line, a sentence or a word ─► a file
"""

import dataclasses
import functools
import html
import json
import pathlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias, cast, get_args

from indextts2_jax.audio.write import check_place, write_text
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.errors import AudioError, ConfigError
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.words import Word
from indextts2_jax.text.sentences import ends_clause, sentence_ends

By: TypeAlias = Literal["line", "sentence", "word"]

SUFFIXES = (".srt", ".vtt", ".json")

ROW = 42
"""Columns of a row, as subtitles have them: a letter takes one, a Chinese, Japanese or Korean character two."""
ROWS = 2
_WITHIN = frozenset({"Mn", "Me", "Cf"})
"""Kinds of characters that take no column of their own; nor do vowels and ends of Korean syllables in parts."""


@dataclasses.dataclass(frozen=True)
class Said:
    """What one speaker said in one go."""

    words: Sequence[Word]
    """In seconds from its beginning."""
    start: int = 0
    """The sample of the recording that it begins at."""
    speaker: str = ""


def said_in(speech: Speech) -> Said:
    """A speech that is a recording of its own. Raises `ConfigError` where nobody has asked for times of its words."""
    if not speech.words:
        raise ConfigError("There are no times of words in this speech: set times.words to true before it is spoken.")
    return Said(speech.words)


class Caption(NamedTuple):
    """What is shown at a time."""

    start: float
    end: float
    rows: tuple[str, ...]
    speaker: str = ""


def timed_words(said: Said) -> list[Word]:
    """Its words, in seconds from the beginning of the recording."""
    return [word.moved(said.start / SAMPLING_RATE) for word in said.words]


# --- captions -----------------------------------------------------------------------------------------------------


def captions(utterances: Iterable[Said], by: By = "line") -> list[Caption]:
    """What is shown, in the order of the utterances: at most two rows of 42 columns at a time.

    Args:
      by: what is not shown together though it would fit: "word", "sentence", or "line", what one speaker says in one
        go.
    """
    result = []
    for utterance in utterances:
        for piece in _pieces(timed_words(utterance), by):
            for block in _blocks(piece):
                result.append(Caption(block[0].start, block[-1].end, _rows(block), utterance.speaker))
    return result


def _pieces(words: Sequence[Word], by: By) -> list[list[Word]]:
    if by == "word":
        return [[word] for word in words]
    if by == "sentence":
        return _sentences(words)
    return [list(words)] if words else []


def _sentences(words: Sequence[Word]) -> list[list[Word]]:
    result: list[list[Word]] = [[]]
    for word, ends in zip(words, sentence_ends([word.text for word in words]), strict=True):
        result[-1].append(word)
        if ends:
            result.append([])
    return [sentence for sentence in result if sentence]


def _blocks(words: Sequence[Word]) -> list[list[Word]]:
    """As few captions as can be, which end with a sentence or a clause where one ends in their later half."""
    words = [part for word in words for part in _short(word)]
    sentences = sentence_ends([word.text for word in words])
    result = []
    while words:
        most = 1
        while most < len(words) and len(_fold(words[: most + 1])) <= ROWS:
            most += 1
        if most < len(words):
            later = range(most, most // 2, -1)
            ends = [n for n in later if sentences[n - 1]]
            ends += [n for n in later if ends_clause(words[n - 1].text)]
            most = ends[0] if ends else most
        result.append(words[:most])
        words, sentences = words[most:], sentences[most:]
    return result


def _short(word: Word) -> list[Word]:
    """A word in parts that a row has room for."""
    if _width(word.text) <= ROW:
        return [word]
    starts, columns = [0], 0
    for at, character in enumerate(word.text):
        columns += _width(character)
        if columns > ROW:
            starts.append(at)
            columns = _width(character)
    step = (word.end - word.start) / len(word.text)
    return [
        Word(
            word.text[at:end],
            word.start + step * at,
            min(word.end, word.start + step * end),
            word.confidence,
            word.spaced and not at,
        )
        for at, end in zip(starts, [*starts[1:], len(word.text)], strict=True)
    ]


def _width(text: str) -> int:
    """The columns that a text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


@functools.cache
def _columns(character: str) -> int:
    if unicodedata.category(character) in _WITHIN or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fold(words: Sequence[Word], width: int = ROW) -> list[str]:
    """As few rows as can be, each as full as can be."""
    rows, columns = [""], 0
    for word in words:
        joined = _joined(rows[-1], word)
        columns += _width(joined[len(rows[-1]) :])
        if rows[-1] and columns > width:
            rows.append(word.text)
            columns = _width(word.text)
        else:
            rows[-1] = joined
    return rows


def _rows(words: Sequence[Word]) -> tuple[str, ...]:
    """The same number of rows, of similar length."""
    rows = _fold(words)
    for width in range(max(_width(word.text) for word in words), ROW):
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
    check_place(pathlib.Path(path))


def check_by(by: str) -> By:
    """The same. Raises `ConfigError` for what is no way to divide."""
    if by not in get_args(By):
        raise ConfigError(f"times_by is {by!r:.40}, but it must be one of {', '.join(get_args(By))}.")
    return cast(By, by)


def times_suffix(path: str | pathlib.Path) -> str:
    """The ending of a name that says which format is written. Raises `AudioError` for another."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise AudioError(f"Cannot write times to {str(path)!r}: give a name that ends in .srt, .vtt or .json.")
    return suffix


def write_times(path: str | pathlib.Path, utterances: Sequence[Said], by: By = "line") -> None:
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


def times_json(utterances: Sequence[Said], by: By = "line") -> str:
    """A JSON list: of each line, sentence or word its start and end in seconds, the speaker and the text, unbroken.

    Of a word also how sure its time is, from 0 to 1.
    """
    entries: list[dict[str, str | float]] = []
    for utterance in utterances:
        for piece in _pieces(timed_words(utterance), by):
            text = ""
            for word in piece:
                text = _joined(text, word)
            start, end = round(piece[0].start, 3), round(piece[-1].end, 3)
            entries.append({"start": start, "end": end, "speaker": utterance.speaker, "text": text})
            if by == "word":
                entries[-1]["confidence"] = round(piece[0].confidence, 3)
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
