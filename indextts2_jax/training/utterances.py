"""The manifest of a training set: JSON lines, one utterance each, checked before any work is done.

    {"audio": "wav/0001.wav", "text": "What is said.", "speaker": "anna"}

`audio` is relative to the manifest. Optional: `split` ("train", the default, or "valid"), `language` (zh, en, ja, es or
ar, for a model of several, which else goes by the script), and `phones`, a list of [phone, end in seconds], where an
alignment is known (synthetic speech has it for free).
"""

import dataclasses
import math
import os
import pathlib
from typing import Any

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.errors import AudioError, ManifestError
from indextts2_jax.runtime import text_files
from indextts2_jax.text.tiktoken.languages import LANGUAGES, Language

SPLITS = ("train", "valid")
MAX_SECONDS = float(audio_clip.USED_SECONDS)
"""Longer utterances are refused, since of every clip only so much is read: cut them into sentences first."""

_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class ManifestRow:
    """One checked row. `phones`: (phone, end in seconds) in order, or None. `language`: None where none is named."""

    audio: pathlib.Path
    text: str
    speaker: str
    split: str = "train"
    phones: tuple[tuple[str, float], ...] | None = None
    language: Language | None = None


def read_manifest(path: str | os.PathLike[str], *, min_seconds: float = audio_clip.MIN_SECONDS) -> list[ManifestRow]:
    """Reads a manifest and the header of every file it names.

    Raises:
      ManifestError: it cannot be read; or, naming up to five of them by line, every row that is not JSON, lacks a key,
        has an empty text, or whose audio is missing, no audio, too short or too long.
    """
    path = pathlib.Path(path)
    try:
        lines = text_files.read_text(path, text_files.MAX_LINES_BYTES).split("\n")
    except text_files.TextFileError as error:
        raise ManifestError(f"Cannot read the manifest {path}: {error}.") from None
    rows, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(_row(path.parent, line, min_seconds))
        except (ManifestError, AudioError) as error:
            problems.append(f"line {number}: {error}")
    if problems:
        more = f" (and {len(problems) - _SHOWN} more rows)" if len(problems) > _SHOWN else ""
        raise ManifestError(f"{path}: {' '.join(problems[:_SHOWN])}{more}")
    if not rows:
        raise ManifestError(f"{path} has no rows.")
    return rows


def _row(folder: pathlib.Path, line: str, min_seconds: float) -> ManifestRow:
    try:
        data = text_files.parse_json(line, constants=True)
    except text_files.TextFileError as error:
        raise ManifestError(f"{error}.") from None
    if not isinstance(data, dict):
        raise ManifestError("not a JSON object.")
    values: dict[str, Any] = {key: data.get(key) for key in ("audio", "text", "speaker")}
    for key, value in values.items():
        if not isinstance(value, str) or not value.strip():
            raise ManifestError(f"{key!r} is {value!r}, but it must be a text that is not empty.")
    split = data.get("split", "train")
    if split not in SPLITS:
        raise ManifestError(f"'split' is {split!r}, but it must be one of {', '.join(SPLITS)}.")
    language = data.get("language")
    if language is not None and language not in LANGUAGES:
        raise ManifestError(f"'language' is {language!r}, but it must be one of {', '.join(LANGUAGES)}.")
    audio = folder / values["audio"]
    seconds = audio_clip.inspect(audio, min_seconds).seconds
    if seconds > MAX_SECONDS:
        raise ManifestError(f"{audio} lasts {seconds:.1f} s; cut it into utterances of at most {MAX_SECONDS:.0f} s.")
    return ManifestRow(audio, values["text"], values["speaker"], split, _phones(data.get("phones")), language)


def _phones(value: Any) -> tuple[tuple[str, float], ...] | None:
    if value is None:
        return None
    try:
        phones = tuple((str(phone), float(end)) for phone, end in value)
    except (TypeError, ValueError):
        raise ManifestError("'phones' must be a list of [phone, end in seconds].") from None
    ends = [end for _, end in phones]
    if not phones or ends != sorted(ends) or ends[0] < 0 or not all(map(math.isfinite, ends)):
        raise ManifestError("'phones' must have ends that do not decrease.")
    if not all(phone.strip() for phone, _ in phones):
        raise ManifestError("'phones' must not have phones without a name.")
    return phones
