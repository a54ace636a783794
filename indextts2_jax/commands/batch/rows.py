"""Lines of the input: what each asks for, checked; and the report, which says what has been done.

An input line is a JSON object:

    {"text": "…", "speaker": "anna.wav", "output": "intro.wav", "seed": 3, "emotion": "sad:0.6", "decode.num_beams": 1}

`text` and `speaker` (a clip or a voice file; beside the input file unless absolute) are needed, though a default
speaker may be given for all. `output` is a name under the output folder, by default the number of the line; `times`
one for SRT, WebVTT or JSON, by default none, and `times_by` what is one entry of it: line, sentence (by default), word.
A key with a dot is a setting of the configuration.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from indextts2_jax.audio import write as audio_write
from indextts2_jax.config import SHORT_NAMES, Config, ModelConfig, check_fits, replace_dotted, to_dict
from indextts2_jax.dialogue.times import By, check_by, times_suffix
from indextts2_jax.errors import ConfigError, IndexTTSError, TextError
from indextts2_jax.pipeline.voice import fingerprint
from indextts2_jax.runtime import streams, text_files
from indextts2_jax.synthesis.request import EMOTION_KINDS, Request, check_request, read_emotion

Kind: TypeAlias = type | tuple[type, ...]

MAX_NAME_BYTES = 240
"""Of one part of an output's path; most file systems allow 255."""

KINDS: dict[str, Kind] = {
    "text": str,
    "speaker": str,
    "output": str,
    "times": str,
    "times_by": str,
    "seed": int,
    **EMOTION_KINDS,
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A line that makes sense so far: no network has been looked at."""

    number: int
    text: str
    speaker: str
    output: str
    seed: int
    emotion: dict[str, Any]
    """As `read_emotion` takes it; the clip's path is whole."""
    config: Config
    key: str
    """Changes with everything that the line asks for: what has been done under another key is done again."""
    times: str = ""
    """Where it is written what is spoken when, a name as `output`; empty: nowhere."""
    times_by: By = "sentence"
    """What is one entry there."""

    def request(self) -> Request:
        """What the line asks for. Raises `EmotionError`."""
        return Request(self.text, self.speaker, read_emotion(self.emotion), self.seed)


def unexpected(error: Exception) -> str:
    """What is said of an error that is none of ours."""
    return f"{type(error).__name__}: {error!s:.200}"


@dataclasses.dataclass(frozen=True)
class BadRow:
    number: int
    error: str


def read_rows(
    path: pathlib.Path,
    config: Config,
    model: ModelConfig,
    *,
    speaker: str | None = None,
    identity: str = "",
    outputs: pathlib.Path | None = None,
) -> Iterator[Row | BadRow]:
    """Every line that is not blank, in order.

    Args:
      config: the settings that lines change.
      model: the networks that are to speak.
      speaker: for lines that name none.
      identity: of the model, a part of every key.
      outputs: the folder that the audio goes to; no link in it is followed.
    Raises:
      TextError: the file cannot be read.
    """
    taken: dict[str, int] = {}
    try:
        lines = text_files.read_text(path, text_files.MAX_LINES_BYTES).split("\n")
    except text_files.TextFileError as error:
        raise TextError(f"Cannot read {streams.shown(path)}: {error}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _row(number, line, path.parent, config, model, speaker, identity, outputs)
            for key, name in (("output", row.output), ("times", row.times)):
                same = unicodedata.normalize("NFC", name).casefold()  # a name that some disks take for the same
                if name and taken.setdefault(same, number) != number:
                    raise ConfigError(f"{key} {name!r} is that of line {taken[same]} too.")
        except IndexTTSError as error:
            yield BadRow(number, str(error))
        except Exception as error:  # of whatever kind: no line stops another
            yield BadRow(number, unexpected(error))
        else:
            yield row


def apart(rows: Iterable[Row | BadRow], source: pathlib.Path, outputs: pathlib.Path) -> list[Row | BadRow]:
    """The same, but for rows that would replace a file that some row reads, which are bad."""
    rows = list(rows)
    good = [row for row in rows if isinstance(row, Row)]
    read = [source, *(row.speaker for row in good), *(row.emotion.get("emotion_audio") for row in good)]
    return [row if isinstance(row, BadRow) else _apart(row, read, outputs) for row in rows]


def _apart(row: Row, read: Sequence[object], outputs: pathlib.Path) -> Row | BadRow:
    try:
        audio_write.check_apart([outputs / name for name in (row.output, row.times) if name], read)
    except IndexTTSError as error:
        return BadRow(row.number, str(error))
    return row


def _row(
    number: int,
    line: str,
    folder: pathlib.Path,
    config: Config,
    model: ModelConfig,
    speaker: str | None,
    identity: str,
    outputs: pathlib.Path | None,
) -> Row:
    values = _values(line)
    named = {SHORT_NAMES[key]: value for key, value in values.items() if key in SHORT_NAMES}
    own = _changed(config, model, named | {key: value for key, value in values.items() if "." in key})
    clip = values.get("speaker", speaker)
    if not clip:
        raise ConfigError("There is no speaker: name a clip or a voice file.")
    clip = str(folder / clip) if "speaker" in values else clip
    emotion = {key: values[key] for key in EMOTION_KINDS if key in values}
    if "emotion_audio" in emotion:
        emotion["emotion_audio"] = str(folder / emotion["emotion_audio"])
    output = _checked_output(values.get("output", f"{number:06d}.wav"), outputs)
    times = _checked_times(values["times"], outputs) if "times" in values else ""
    if "times_by" in values and not times:
        raise ConfigError("times_by says what is one entry of times: give times, a name such as line.srt, too.")
    times_by = check_by(values.get("times_by", "sentence"))
    own = _changed(own, model, {"times.words": True} if times else {})
    row = Row(number, values.get("text", ""), clip, output, values.get("seed", 0), emotion, own, "", times, times_by)
    check_request(row.request(), own, model)
    stamps = [_stamp(path) for path in (clip, emotion.get("emotion_audio")) if path]
    return dataclasses.replace(row, key=fingerprint([values, clip, *stamps, to_dict(own), identity]))


def _values(line: str) -> dict[str, Any]:
    """What a line says, every key known and of its kind. Raises `TextError`, `ConfigError`."""
    try:
        values = text_files.parse_json(line)
    except text_files.TextFileError as error:
        raise TextError(f"This is {error}.") from None
    if not isinstance(values, dict):
        raise TextError('This is no JSON object: a line looks like {"text": "…", "speaker": "voice.wav"}.')
    for key, value in values.items():
        kind = KINDS.get(key)
        if kind is None and "." not in key and key not in SHORT_NAMES:
            known = ", ".join([*KINDS, *SHORT_NAMES])
            raise ConfigError(f"There is no key {key!r}; there are {known} and settings with a dot.")
        if key in SHORT_NAMES and SHORT_NAMES[key] in values:
            raise ConfigError(f"{key} and {SHORT_NAMES[key]} are the same thing: give one of them.")
        if kind is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise ConfigError(f"{key} is {value!r:.60}, which is of the wrong kind.")
    return values


def _checked_output(name: str, folder: pathlib.Path | None) -> str:
    """The name as every spelling of it has it. Raises `ConfigError`, `AudioError`."""
    path = _checked_name("output", name, folder)
    audio_write.target_path(path)
    if folder is not None:
        audio_write.target_path(folder / path)
    return path.as_posix()


def _checked_times(name: str, folder: pathlib.Path | None) -> str:
    """The same of a file with times."""
    path = _checked_name("times", name, folder)
    times_suffix(path)
    return path.as_posix()


def _checked_name(key: str, name: str, folder: pathlib.Path | None) -> pathlib.Path:
    """A name under the output folder that every system can have, and no link. Raises `ConfigError`."""
    path = pathlib.Path(name)
    shown = f"{key} is {name!r:.60}, but it must be"
    if path.is_absolute() or ".." in path.parts or not path.name or set(name) & set('\\\0\r\n:*?"<>|'):
        raise ConfigError(f"{shown} a name under the output folder.")
    if any(part.endswith((" ", ".")) for part in path.parts):
        raise ConfigError(f"{shown} a name that every system can have: without a space or a dot at its end.")
    try:
        longest = max(len(part.encode()) for part in path.parts)
    except UnicodeEncodeError:
        raise ConfigError(f"{shown} valid Unicode.") from None
    if longest > MAX_NAME_BYTES:
        raise ConfigError(f"{shown} shorter: a name has at most {MAX_NAME_BYTES} bytes.")
    if folder is not None:
        check_no_link(folder, name, key)
    return path


def check_no_link(folder: pathlib.Path, name: str, key: str = "output") -> None:
    """Raises `ConfigError` where a name in a folder is a link, or goes through one."""
    path = pathlib.Path(name)
    if any((folder / inner).is_symlink() for inner in (path, *path.parents)):
        raise ConfigError(f"{key} {name!r:.60} is or goes through a link, which is not followed.")


def _stamp(clip: str) -> list[int]:
    """A clip that was replaced by another is another voice."""
    status = os.stat(clip)
    return [status.st_size, status.st_mtime_ns]


def _changed(config: Config, model: ModelConfig, changes: Mapping[str, Any]) -> Config:
    """Raises `ConfigError`."""
    if not changes:
        return config
    for key in changes:
        if key.startswith(("model.", "precision.")):
            raise ConfigError(f"There is no setting {key!r} that a line can change.")
    own = replace_dotted(config, changes)
    check_fits(own, model)
    return own


# --- the report ---------------------------------------------------------------------------------------------------


class Report:
    """`report.jsonl` in the output folder: an object a line that was worked on, the last one of a line counts."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Raises `TextError` if it cannot be opened."""
        self.folder = folder
        self.path = folder / "report.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._keys = {str(entry.get("key")) for entry in _entries(self.path) if entry.get("ok") is True}
            whole = not self.path.exists() or self.path.read_bytes()[-1:] in (b"\n", b"")
            self._file = self.path.open("ab")
            if not whole:  # a run was killed while it wrote
                self._file.write(b"\n")
        except OSError as error:
            raise TextError(f"Cannot write {self.path}: {error.strerror}.") from None

    def done(self, row: Row) -> bool:
        """Whether the very same line has been spoken, and its file is there."""
        files = [self.folder / name for name in (row.output, row.times) if name]
        return row.key in self._keys and all(path.is_file() for path in files)

    def add(self, entry: Mapping[str, Any]) -> None:
        """On disk when this returns. Raises `TextError` if it cannot be written."""
        try:
            self._file.write(json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise TextError(f"Cannot write {self.path}: {error.strerror}. Free space and start again.") from None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # told by `add`
            self._file.close()


def _entries(path: pathlib.Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):  # half a line of a run that was killed: its file is written again
            continue
        if isinstance(entry, dict):
            yield entry
