"""A book -> passages to speak, checked before there is a model, each under the key of all that its sound depends on.

blocks of a chapter ─┬─ headings ───────────────────────┐
                     └─ paragraphs, some together ──────┴─► Task: request, key, the silence behind it
"""

import dataclasses
import re
from collections.abc import Iterator

from indextts2_jax.books.book import BREAK, HEADING, Block, Book, Chapter, count_words
from indextts2_jax.config import SAMPLING_RATE, Config, ModelConfig, replace, to_dict
from indextts2_jax.dialogue.checks import digest_of, emotion_identity
from indextts2_jax.errors import ConfigError, TextError, require
from indextts2_jax.pipeline.voice import ReferenceVoice, fingerprint
from indextts2_jax.synthesis.request import Emotion, Request, check_request
from indextts2_jax.synthesis.speech import AudioSource
from indextts2_jax.text.reading import check_text
from indextts2_jax.text.script import cut
from indextts2_jax.text.tiktoken.languages import LANGUAGES

FORMAT = 1
"""A part of every key: what was spoken by another version of this is spoken again."""

PASSAGE = 800
"""Characters that paragraphs are put together up to: a minute of English, so much a kill may cost."""
LONGEST = 2000
"""Characters of a paragraph that is spoken as one; longer ones are cut at sentences."""

_ENDS = re.compile(r"[.!?…。！？؟۔:：;；؛,，،—–-][\"'”’»」』)\]]*$")


@dataclasses.dataclass(frozen=True)
class Pauses:
    """Silences of a book; those between paragraphs and segments are settings of the synthesis."""

    heading_ms: int = 900
    """Behind a heading."""
    break_ms: int = 1500
    """Where the scene changes."""
    chapter_ms: int = 2000
    """Behind a chapter."""

    def __post_init__(self) -> None:
        """Raises `ConfigError` for the first value out of range."""
        for name in ("heading_ms", "break_ms", "chapter_ms"):
            value = getattr(self, name)
            require(0 <= value <= 60_000, name.replace("_ms", "_pause"), value, "from 0 to 60000 milliseconds")


@dataclasses.dataclass(frozen=True)
class Task:
    """A passage: some paragraphs that are spoken in one go, or a heading."""

    request: Request
    key: str
    """Changes with everything that its sound depends on."""
    pause: int
    """Samples of silence behind it."""
    words: int


@dataclasses.dataclass(frozen=True)
class PlannedChapter:
    """A chapter, ready to be spoken."""

    chapter: Chapter
    tasks: tuple[Task, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """A book, ready to be spoken."""

    book: Book
    chapters: tuple[PlannedChapter, ...]
    config: Config

    @property
    def words(self) -> int:
        """Of all chapters; passages that are equal are spoken once."""
        return sum({task.key: task.words for planned in self.chapters for task in planned.tasks}.values())


def plan_book(
    book: Book,
    voice: ReferenceVoice | AudioSource,
    config: Config,
    model: ModelConfig,
    *,
    emotion: Emotion | None = None,
    seed: int = 0,
    pauses: Pauses | None = None,
    identity: str = "",
) -> Plan:
    """Checks a book and how it is to be spoken.

    Args:
      config: the settings of every passage.
      model: the networks that are to speak.
      seed: of every passage, so that it sounds the same wherever it stands.
      identity: of the model, a part of every key.
    Raises:
      TextError: text that cannot be spoken, with its chapter. AudioError, EmotionError, ConfigError, CheckpointError:
      as of `IndexTTS2.synthesize`; settings that are for single texts.
    """
    if config.duration.target_seconds:
        raise ConfigError("duration.target_seconds is for single texts: a book is as long as its text.")
    if config.polish.even_loudness:
        raise ConfigError(
            "polish.even_loudness goes by the first segment of what is spoken in one go, which is not the whole book: "
            "set polish.loudness_lufs, or --loudness=-20, instead."
        )
    pauses = pauses or Pauses()
    request = check_request(Request("a", voice, emotion, seed), config, model)
    settings = to_dict(replace(config, segments_at_once=1))  # which changes no code
    manner = [FORMAT, identity, digest_of(voice), emotion_identity(emotion, digest_of), settings, seed]
    chapters = []
    for chapter in book.chapters:
        passages = list(_passages(chapter.blocks, config, pauses))
        _check(chapter, [text for text, _ in passages])
        tasks = [
            Task(dataclasses.replace(request, text=text), fingerprint([*manner, text]), _samples(ms), count_words(text))
            for text, ms in passages
        ]
        chapters.append(PlannedChapter(chapter, tuple(tasks)))
    return Plan(book, tuple(chapters), config)


def with_language(config: Config, book: Book, model: ModelConfig) -> tuple[Config, str]:
    """The settings with the language that the book says it is in, where the model has several and none is set; for
    people, what does not fit."""
    language = re.split("[-_]", book.language.strip().lower())[0]
    if not language or model.gpt.languages is None or config.text.language != "auto":
        return config, ""
    if language not in LANGUAGES:
        return config, f"the book says that its language is {book.language!r:.20}, which this model does not have"
    return replace(config, text={"language": language}), ""


def _check(chapter: Chapter, texts: list[str]) -> None:
    for text in texts:
        try:
            check_text(text)
        except TextError as error:
            raise TextError(f"Chapter {chapter.number} ({chapter.title!r:.60}): {error}") from None


def _passages(blocks: tuple[Block, ...], config: Config, pauses: Pauses) -> Iterator[tuple[str, float]]:
    """(text, milliseconds of silence behind it) of what is spoken in one go."""
    between = config.text.paragraph_pause_ms or config.interval_silence_ms
    spoken = [block for block in blocks if block.text or block.kind == BREAK]
    waiting: list[str] = []
    for block, following in zip(spoken, [*spoken[1:], None], strict=True):
        if block.kind == BREAK:
            continue
        if block.kind == HEADING:
            yield ended(block.text), pauses.heading_ms if following else pauses.chapter_ms
            continue
        *whole, last = cut(ended(block.text), LONGEST)
        for piece in filter(str.strip, whole):
            yield _together(waiting, piece), config.interval_silence_ms
            waiting = []
        waiting.append(last)
        pause = pauses.chapter_ms if following is None else pauses.break_ms if following.kind == BREAK else between
        if pause != between or following is None or following.kind == HEADING or _length(waiting) >= PASSAGE:
            yield _together(waiting), pause
            waiting = []


def _together(paragraphs: list[str], last: str = "") -> str:
    return "\n\n".join(filter(None, [*map(str.strip, paragraphs), last.strip()]))


def _length(paragraphs: list[str]) -> int:
    return sum(map(len, paragraphs))


def ended(text: str) -> str:
    """With a full stop, where it ends without any mark: so that a voice falls there."""
    if _ENDS.search(text):
        return text
    return text + ("。" if "\u3040" <= text[-1] <= "\u9fff" else ".")


def _samples(milliseconds: float) -> int:
    return int(SAMPLING_RATE * milliseconds / 1000.0)
