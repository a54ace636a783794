"""What is read and when: a text of any length -> segments for the speech model, and the silence before each.

text ─ prepared ─ stretches between pauses and paragraphs ─ tokens of each ─ segments of each ─► Reading
"""

import dataclasses

from indextts2_jax.config import TextConfig
from indextts2_jax.errors import TextError
from indextts2_jax.text.characters import check_characters
from indextts2_jax.text.frontend import TextFrontend, check_speakable, configured, is_speakable
from indextts2_jax.text.pace import is_english
from indextts2_jax.text.script import Stretch, stretches, tokenize, without_pauses

MAX_CHARACTERS = 300_000
"""Of one text: a WAV file holds 27 hours, and so many Chinese characters take 20."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """A text, read."""

    tokens: list[str]
    segments: list[list[str]]
    """Tokens of each segment; at least one."""
    silences_ms: list[float]
    """Before each segment, and behind the last: one more than there are segments."""
    warnings: list[str]


def check_text(text: str, paragraphs: bool = False) -> list[Stretch]:
    """The stretches of a text.

    Raises:
      TextError: for what can be seen without a front-end: its length, half a character, a bad pause.
    """
    check_characters(text)
    if len(text) > MAX_CHARACTERS:
        raise TextError(f"The text has {len(text)} characters; give at most {MAX_CHARACTERS} at a time.")
    return stretches(text, paragraphs)


def read(
    frontend: TextFrontend,
    text: str,
    *,
    max_tokens: int = 120,
    max_english_tokens: int = 0,
    quick_tokens: int = 0,
    paragraph_pause_ms: float = 0,
    interval_ms: float = 200,
) -> Reading:
    """Reads a text of at most `MAX_CHARACTERS`.

    A pause that the text asks for stands instead of the silence that would be there: between segments `interval_ms`,
    between paragraphs `paragraph_pause_ms` (0: paragraphs do not count). A stretch without anything to speak, such as
    "* * *" between paragraphs, is left out.

    Args:
      max_tokens: of a segment.
      max_english_tokens: instead, in stretches of English (0: the same).
      quick_tokens: during the first so many tokens, neighbours are merged only while they fit into half a segment.
    Raises:
      TextError: too long, nothing to speak, a bad pause.
    """
    text = text.strip()  # a departure: the English grammar rejects text that begins with a newline
    check_text(text)
    text = frontend.prepare(text).strip()
    pieces = frontend.within(without_pauses(text))
    result = Reading([], [], [], [])
    unknown: list[str] = []
    left_out: list[str] = []
    pause: float | None = None
    paragraph = False
    for stretch in stretches(text, paragraph_pause_ms > 0):
        pause = added(pause, stretch.pause_ms)
        paragraph |= stretch.new_paragraph
        tokens = tokenize(pieces, stretch.text)
        result.tokens.extend(tokens)
        if not is_speakable(frontend, tokens):
            left_out += _shown(stretch)
            continue
        unknown += frontend.unknown(tokens)
        limit = max_english_tokens if max_english_tokens and is_english(stretch.text) else max_tokens
        for segment in frontend.segments(tokens, limit, max(0, quick_tokens - len(result.tokens) + len(tokens))):
            usual = (paragraph_pause_ms if paragraph else interval_ms) if result.segments else 0
            result.silences_ms.append(usual if pause is None else pause)
            result.segments.append(segment)
            pause, paragraph = None, False
    if not result.segments:
        check_speakable(frontend, without_pauses(text), result.tokens)
    result.silences_ms.append(pause or 0)
    if unknown:
        words = " ".join(dict.fromkeys(token.removeprefix("▁") for token in unknown))
        result.warnings.append(f"Unknown to the tokenizer, and not spoken as written: {words}")
    result.warnings.extend(f"Left out, as there is nothing to speak in it: {shown}" for shown in left_out)
    return result


def read_as(frontend: TextFrontend, text: str, how: TextConfig, interval_ms: float) -> Reading:
    """`read`, as the settings of a synthesis say; `interval_ms` is their `interval_silence_ms`."""
    return read(
        configured(frontend, how),
        text,
        max_tokens=how.max_text_tokens_per_segment,
        max_english_tokens=how.max_english_tokens_per_segment,
        quick_tokens=how.quick_streaming_tokens,
        paragraph_pause_ms=how.paragraph_pause_ms,
        interval_ms=interval_ms,
    )


def added(pause: float | None, more: float | None) -> float | None:
    """The sum of two pauses of which either may not be asked for."""
    return pause if more is None else (pause or 0.0) + more


def _shown(stretch: Stretch) -> list[str]:
    text = stretch.text
    if not any(map(str.isalnum, text)):
        return []
    return [repr(text if len(text) <= 40 else text[:40] + "…")]
