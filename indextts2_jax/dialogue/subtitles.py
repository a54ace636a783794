"""Subtitle files in: SRT by the package `srt`, WebVTT by `webvtt-py` (the extra `script`) -> lines with times.

    1                                        NOTE a comment, a STYLE or a REGION: no cue
    00:00:01,000 --> 00:00:02,500            00:01.000 --> 00:02.500 position:20%
    {\\an8}<i>Anna:</i> Good evening.         <v Anna>Good evening.</v>

Numbers may be missing, wrong or doubled, blank lines missing or in the middle of a cue; tags and positions are left
out, and an arrow with no time beside it is text. Cues are taken by their times, whatever their order; they may overlap,
and last no time at all.
"""

import bisect
import datetime
import html
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from indextts2_jax.dialogue.lines import (
    INVISIBLE,
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
    known_header,
    named,
    plain,
    whole_directions,
)
from indextts2_jax.errors import ConfigError, TextError

ARROW = "-->"
COMMENT = re.compile(r"NOTE\s")
SHORT_FRACTION = re.compile(r"(?<=[.,])(\d{1,2})(?=\D|$)")
NEARLY_TIMES = re.compile(r"\d[:.,]\d+\s*-->|-->\s*-?\d+[:.,]\d")
"""A line with an arrow that is, or should be, the times of a cue."""
SRT_TIME = r"\d{1,3}:\d{1,2}:\d{1,2}(?:[.,:]\d{1,3})?"
WEBVTT_TIME = r"(?:\d+:)?[0-5]?\d:[0-5]?\d\.\d{1,3}"
SRT_TIMES = re.compile(rf"\s*({SRT_TIME})\s*-->\s*({SRT_TIME})(?!\d)", re.ASCII)
WEBVTT_TIMES = re.compile(rf"\s*{WEBVTT_TIME}\s*-->\s*{WEBVTT_TIME}(?!\d)", re.ASCII)
NUMBER = re.compile(rf"\s*(?:-?\d+|{SRT_TIME})\s*")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^<>]+)>|</v>", re.IGNORECASE)
VOICE_NAME = re.compile(r"(?P<name>.*?)\s*\((?P<emotion>[^()]*)\)")
NOBODY = ""
"""Behind </v>."""
RUBY = re.compile(r"<rt(?:\.[^<>]*)?>.*?(?:</rt>|(?=</ruby>)|$)", re.IGNORECASE | re.DOTALL)
"""How the characters before it are read, said by them already."""
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[\d:.,]+>|\{\\[^{}]*\}")
TAG_OVER_ROWS = re.compile(r"<[a-zA-Z][^<>]*>")
SIGNS = re.compile(r"^\s*(?:[-–—]|>{1,3})\s*")
"""Of another speaker: the dash of a dialogue, the arrows of captions."""
SILENT = re.compile(r"[♪♫]+|\\[Nh]")
"""Notes of music; the line ends and spaces of ASS."""


class Cue(NamedTuple):
    """As the file has it: tags still in the text."""

    at: int
    """The line of the file that its times are in, from 1."""
    start_ms: int
    end_ms: int
    text: str


def read_subtitles(text: str, names: Collection[str] = (), *, webvtt: bool | None = None) -> Script:
    """Reads the cues of a subtitle file; what is wrong in it is among the script's faults.

    Args:
      names: of the cast; `Name:` at the beginning of a cue, or of a line of it, counts where it is one of them or all
        in capitals, `<v Name>` always.
      webvtt: whether it is WebVTT, not SRT; None: as it begins.
    Raises:
      ConfigError: the parser is not installed.
    """
    text = plain(text)
    webvtt = text.lstrip().startswith("WEBVTT") if webvtt is None else webvtt
    cues, faults = _webvtt_cues(text) if webvtt else _srt_cues(text)
    if not cues and not faults:
        faults = [Fault(0, "there is no cue in it: a line such as 00:00:01,000 --> 00:00:02,500.")]
    if len(cues) > MAX_LINES:
        faults = [Fault(0, f"it has {len(cues):,} cues; at most {MAX_LINES:,} are spoken at a time.")]
    notes = []
    for cue in cues:
        if cue.end_ms < cue.start_ms:
            notes.append(f"Line {cue.at}: the cue ends before it begins, and is taken to end there.")
    ordered = sorted(cues, key=lambda cue: cue.start_ms)
    if ordered != cues:
        notes.append("The cues are not in the order of their times; they are spoken in that order.")
    lines: list[Line] = []
    known = frozenset(map(folded, names))
    speakers: set[str] = set()
    for cue in ordered:
        lines.extend(_lines(cue, known, len(lines), speakers, faults))
    if cues and not lines and not faults:
        faults = [Fault(0, "no cue in it has words.")]
    silent = len(cues) - len({line.at for line in lines})
    if silent and not faults:
        notes.append(f"{silent} of {len(cues)} cues have no words in them and stay silent.")
    end = max((max(cue.start_ms, cue.end_ms) for cue in cues), default=None)
    return Script(tuple(lines), tuple(faults), tuple(notes), end_ms=end, speakers=frozenset(speakers))


def looks_like_subtitles(text: str) -> bool:
    """Whether a text begins as SRT or WebVTT do."""
    start = plain(text[:2000]).lstrip()[:1000]
    return start.startswith("WEBVTT") or any(SRT_TIMES.match(line) for line in start.split("\n")[:4])


# --- the parsers --------------------------------------------------------------------------------------------------


def _srt_cues(text: str) -> tuple[list[Cue], list[Fault]]:
    try:
        import srt
    except ImportError:
        raise ConfigError("Reading SRT needs the package srt: run `pip install 'indextts2_jax[script]'`.") from None
    places = list(_with_arrows(text))
    wrong = [at for at, line in places if not SRT_TIMES.match(line)]
    if wrong or not places:
        return [], [Fault(at, "these are no times: write 00:00:01,000 --> 00:00:02,500.") for at in wrong]
    try:
        found = list(srt.parse(_numbered(text)))
    except srt.SRTParseError:
        return [], [Fault(1, "there is something before the first cue that is none.")]
    return [Cue(cue.index, _milliseconds(cue.start), _milliseconds(cue.end), cue.content) for cue in found], []


def _with_arrows(text: str) -> Iterator[tuple[int, str]]:
    """The lines that have times, or should have, and their numbers."""
    return ((at, line) for at, line in enumerate(text.split("\n"), 1) if _is_times(line))


def _is_times(line: str) -> bool:
    return ARROW in line and NEARLY_TIMES.search(line) is not None and not COMMENT.match(line)


def _milliseconds(time: datetime.timedelta) -> int:
    return time // datetime.timedelta(milliseconds=1)


def _numbered(text: str) -> str:
    """The same with the number of its line in the file in place of the number of every cue, if it has any.

    A line of digits is the cue's number if the times follow at once, or if it stands by itself between blank lines;
    else it is something that is said.
    """
    result: list[str] = []
    for at, line in enumerate(text.split("\n"), 1):
        if times := SRT_TIMES.match(line) if _is_times(line) else None:
            _drop_number(result)
            result += ["", str(at)]
            line = f"{times[1]} --> {times[2]}{line[times.end() :]}"
            line = SHORT_FRACTION.sub(lambda match: match[0].ljust(3, "0"), line)
        result.append(line)
    return "\n".join(result)


def _drop_number(lines: list[str]) -> None:
    """Takes the number of a cue, whose times come next, off the end."""
    last = len(lines) - 1
    while last >= 0 and not lines[last].strip():
        last -= 1
    if last < 0:
        return
    alone = last == len(lines) - 1 or last == 0 or not lines[last - 1].strip()
    if alone and NUMBER.fullmatch(lines[last]):
        del lines[last:]


def _webvtt_cues(text: str) -> tuple[list[Cue], list[Fault]]:
    try:
        import webvtt.errors
    except ImportError:
        raise ConfigError(
            "Reading WebVTT needs the package webvtt-py: run `pip install 'indextts2_jax[script]'`."
        ) from None
    places = list(_with_arrows(text))
    faults = [
        Fault(at, "these are no times: write 00:01.000 --> 00:02.500.")
        for at, line in places
        if not WEBVTT_TIMES.match(line)
    ]
    faults += [Fault(at, "WebVTT cannot have --> in a cue: write --&gt; instead.") for at in _arrows_said(text)]
    if faults:
        return [], faults
    try:
        captions = webvtt.from_string(text.lstrip()).captions
    except webvtt.errors.MalformedFileError:
        return [], [Fault(1, "it does not begin with WEBVTT.")]
    if len(captions) != len(places):
        return [], [Fault(0, f"{len(places)} lines have times in them, but {len(captions)} cues can be read.")]
    return [
        Cue(at, _stamp(caption.start), _stamp(caption.end), caption.raw_text)
        for (at, _), caption in zip(places, captions, strict=True)
    ], []


def _arrows_said(text: str) -> Iterator[int]:
    """The lines of cues that have an arrow in what is said, which ends a cue of WebVTT."""
    cue = False
    for at, line in enumerate(text.split("\n"), 1):
        if _is_times(line) or not line.strip():
            cue = bool(line.strip())
        elif cue and ARROW in line:
            yield at


def _stamp(text: str) -> int:
    """Milliseconds of "01:02:03.004"."""
    hours, minutes, seconds = text.split(":")
    whole, _, fraction = seconds.partition(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 1000 + int(fraction.ljust(3, "0"))


# --- who says what ------------------------------------------------------------------------------------------------


def _lines(cue: Cue, known: Collection[str], before: int, speakers: set[str], faults: list[Fault]) -> list[Line]:
    """What is said in a cue, by one speaker or by several, who share its time by the length of what they say.

    Args:
      speakers: gets their names.
      faults: gets what cannot be read.
    """
    speeches = []
    for speaker, emotion, text in _speeches(cue.text, known):
        speakers.add(folded(speaker))
        try:
            _, text, _ = cleaned(text)
        except TextError as error:
            faults.append(Fault(cue.at, str(error)))
            text = UNREADABLE
        if has_words(text):
            speeches.append((speaker, emotion, text))
    whole = sum(len(text) for _, _, text in speeches)
    end = max(cue.start_ms, cue.end_ms)
    result: list[Line] = []
    said = 0
    for speaker, emotion, text in speeches:
        start = cue.start_ms + (end - cue.start_ms) * said // whole
        said += len(text)
        stop = cue.start_ms + (end - cue.start_ms) * said // whole
        result.append(Line(before + len(result) + 1, cue.at, text, speaker, emotion, cue=(start, stop)))
    return result


def _speeches(text: str, known: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """(speaker, emotion, text) of every speaker in a cue, in order."""
    speaker = emotion = ""
    said: list[str] = []
    for found, row in _said(text, known):
        if found:
            if said or speaker:
                yield speaker, emotion, " ".join(said)
            speaker, emotion = found
            said = []
        if row and not is_direction(row):
            said.append(row)
    if said or speaker:
        yield speaker, emotion, " ".join(said)


def _said(text: str, known: Collection[str]) -> Iterator[tuple[tuple[str, str] | None, str]]:
    """((speaker, emotion) where another one begins to speak, what is said) of every row of a cue."""
    text = RUBY.sub("", TAG_OVER_ROWS.sub(lambda tag: tag[0].replace("\n", " "), text))
    rows = [(voice, _untagged(row)) for row in text.split("\n") for voice, row in _voices(row)]
    for at, row in whole_directions([row for _, row in rows]):
        voice = rows[at - 1][0]
        if voice is not None:
            yield _speaker(voice, known), _heard(row)
        elif _is_escaped(row, known):
            yield None, row[1:]
        elif (found := header(_heard(row), known)) and (folded(found[0]) in known or _is_capitals(found[0])):
            yield found[:2], found[2]
        else:
            yield None, _heard(row)


def _voices(row: str) -> Iterator[tuple[str | None, str]]:
    """(the name of a `<v Name>`, or nobody's, what follows it in its row); None where a row does not begin with one."""
    before, *pairs = VOICE.split(row)
    if before.strip() or not pairs:
        yield None, before
    for name, rest in zip(pairs[::2], pairs[1::2], strict=True):
        yield NOBODY if name is None else html.unescape(name).strip(), rest


def _speaker(voice: str, known: Collection[str]) -> tuple[str, str]:
    """(speaker, emotion) of `<v Name>` or `<v Name (emotion)>`."""
    match = VOICE_NAME.fullmatch(voice)
    return named(voice, known) or ((match["name"], match["emotion"].strip()) if match else (voice, ""))


def _is_capitals(name: str) -> bool:
    """As the names in subtitles for the deaf are."""
    return len(name) > 1 and name.isupper()


def _is_escaped(row: str, known: Collection[str]) -> bool:
    """Whether a backslash says that no name follows, and is not of the line end of ASS before a name of the cast."""
    return row.startswith("\\") and header(row[1:], known) is not None and not known_header(row[2:], known)


def _untagged(row: str) -> str:
    """A row without tags and positions."""
    return INVISIBLE.sub("", html.unescape(TAG.sub("", row))).strip()


def _heard(row: str) -> str:
    """What is left of it without the signs of music, of ASS and of another speaker."""
    return SIGNS.sub("", SILENT.sub(" ", row)).strip()


def room_ends(script: Script) -> list[int]:
    """Milliseconds up to which each line may sound: its cue's end or, if that is later, the next cue's beginning.

    Lines of one cue, and cues that begin together, have no room of each other's; the last has its own.
    """
    starts = sorted({line.cue[0] for line in script.lines if line.cue})
    ends = []
    for line in script.lines:
        if line.cue is None:
            raise ValueError("room_ends is of scripts with times.")
        place = bisect.bisect_right(starts, line.cue[0])
        following = starts[place] if place < len(starts) else line.cue[1]
        ends.append(max(line.cue[1], following))
    return ends
