"""Who speaks: a cast as a value, and as a YAML or JSON file.

    default: {voice: narrator.wav, loudness: -20}
    Anna: {voice: anna.safetensors, emotion: {happy: 0.4}, speed: 1.1}
    Ben: ben.wav

`default` speaks what has no name, and holds what the others leave out. Paths begin where the file lies.
"""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from indextts2_jax.dialogue.emotions import cast_emotion
from indextts2_jax.dialogue.lines import Fault, folded
from indextts2_jax.errors import ConfigError, EmotionError
from indextts2_jax.pipeline.voice import ReferenceVoice
from indextts2_jax.runtime import text_files, yaml_text
from indextts2_jax.synthesis.request import EMOTION_KINDS, Emotion, read_emotion
from indextts2_jax.synthesis.speech import AudioSource

DEFAULT = "default"
MAX_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Part:
    """How one speaker speaks; None: as the cast's default does."""

    voice: ReferenceVoice | AudioSource | None = None
    """An encoded voice, the path of a saved one (.safetensors), or a clip."""
    emotion: Emotion | None = None
    speed: float | None = None
    """2 is twice as fast, 0.5 half as fast."""
    loudness: float | None = None
    """LUFS of every line, such as -23; 0: as it comes."""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Of the configuration, by their keys with a dot: {"decode.num_beams": 1}."""
    at: int = 0
    """The line of the cast's file."""

    def __post_init__(self) -> None:
        """Raises `ConfigError` for numbers out of range."""
        for name, value, low, high in (("speed", self.speed, 0.5, 2.0), ("loudness", self.loudness, -60.0, 0.0)):
            if value is not None and not low <= value <= high:
                raise ConfigError(f"{name} is {value:g}, but it must be from {low:g} to {high:g}.")
        if self.loudness is not None and -5.0 < self.loudness < 0.0:
            raise ConfigError(f"loudness is {self.loudness:g}, but it must be at most -5 LUFS, or 0: as it comes.")

    def over(self, default: "Part") -> "Part":
        """The same with what it leaves out taken from `default`."""
        return dataclasses.replace(
            self,
            voice=default.voice if self.voice is None else self.voice,
            emotion=default.emotion if self.emotion is None else self.emotion,
            speed=default.speed if self.speed is None else self.speed,
            loudness=default.loudness if self.loudness is None else self.loudness,
            settings={**default.settings, **self.settings},
        )


@dataclasses.dataclass(frozen=True)
class Cast:
    """The speakers by name; two spellings that differ in case or spaces are one name."""

    parts: Mapping[str, Part] = dataclasses.field(default_factory=dict)
    default: Part = Part()
    folder: pathlib.Path | None = None
    """Where the clips of the script's own emotions lie; None: the working folder."""

    def __post_init__(self) -> None:
        """Raises `ConfigError` where two names are one."""
        if len({folded(name) for name in self.parts}) < len(self.parts):
            raise ConfigError(f"Two of the names {', '.join(self.parts)} differ in case or spaces only.")

    def part(self, speaker: str) -> Part | None:
        """How a speaker of a script speaks, whole; None: there is no such name."""
        if not speaker:
            return self.default
        return self._folded.get(folded(speaker))

    @functools.cached_property
    def _folded(self) -> dict[str, Part]:
        return {folded(name): part.over(self.default) for name, part in self.parts.items()}


def load_cast(path: str | pathlib.Path) -> tuple[Cast, tuple[Fault, ...]]:
    """Reads a cast: what makes sense of it, and what does not.

    Raises:
      ConfigError: it cannot be read at all, or PyYAML is not installed.
    """
    path = pathlib.Path(path)
    try:
        text = text_files.read_text(path, MAX_BYTES)
        data = (
            text_files.parse_json(text, unique=True) if path.suffix.lower() == ".json" else yaml_text.parse_yaml(text)
        )
    except ImportError:
        raise ConfigError(
            f"Reading the cast {path} needs PyYAML: run `pip install pyyaml`, or write it as a .json file."
        ) from None
    except text_files.TextFileError as error:
        raise ConfigError(f"The cast {path} cannot be read: {error}.") from None
    if not isinstance(data, Mapping):
        raise ConfigError(f"The cast {path} must map names to voices, as in Anna: {{voice: anna.wav}}.")
    return _read(data, text, path.parent)


def _read(data: Mapping[Any, Any], text: str, folder: pathlib.Path) -> tuple[Cast, tuple[Fault, ...]]:
    parts: dict[str, Part] = {}
    faults: list[Fault] = []
    default = Part()
    seen: dict[str, str] = {}
    for name, value in data.items():
        at = _line_of(str(name), text)
        if not isinstance(name, str) or not name.strip():
            faults.append(Fault(at, f"the name {name!r} must be text (in YAML, put it in quotes)."))
            continue
        if seen.setdefault(folded(name), name) != name:
            faults.append(Fault(at, f"{name} and {seen[folded(name)]} are one name: case and spaces do not count."))
            continue
        part, wrong = _part({"voice": value} if isinstance(value, str) else value, folder, at)
        faults += [Fault(at, f"{name}: {what}") for what in wrong]
        if folded(name) == DEFAULT:
            default = part
        else:
            parts[name] = part
    return Cast(parts, default, folder), tuple(faults)


def _line_of(name: str, text: str) -> int:
    """The line of the file that an entry begins in, 0 where it cannot be told."""
    match = re.search(rf"^[\s{{]*[\"']?{re.escape(name)}[\"']?\s*:", text, re.MULTILINE)
    return text.count("\n", 0, match.end()) + 1 if match else 0


KINDS: dict[str, type | tuple[type, ...]] = {
    "voice": str,
    **EMOTION_KINDS,
    "emotion": (str, dict, list),
    "speed": (int, float),
    "loudness": (int, float),
}


def _part(values: object, folder: pathlib.Path, at: int) -> tuple[Part, list[str]]:
    """A part of what is right of it, and all that is wrong."""
    if not isinstance(values, Mapping):
        return Part(at=at), ["write a clip's name, or {voice: …, emotion: …, speed: …, loudness: …}."]
    found = {key: _wrong(key, value) for key, value in values.items()}
    wrong = [what for what in found.values() if what is not None]
    right = {key: values[key] for key, what in found.items() if what is None}
    part = Part(
        voice=str(folder / right["voice"]) if "voice" in right else None,
        settings={key: value for key, value in right.items() if "." in key},
        at=at,
    )
    emotion = {key: right[key] for key in EMOTION_KINDS if key in right}
    readers: dict[str, Callable[[], Any]] = {
        "emotion": lambda: _emotion(emotion, folder),
        "speed": lambda: float(right["speed"]) if "speed" in right else None,
        "loudness": lambda: float(right["loudness"]) if "loudness" in right else None,
    }
    for key, read in readers.items():
        try:
            part = dataclasses.replace(part, **{key: read()})
        except (ConfigError, EmotionError) as error:
            wrong.append(str(error))
    return part, wrong


def _wrong(key: object, value: object) -> str | None:
    """What is wrong with an entry as such."""
    kind = KINDS.get(key) if isinstance(key, str) else None
    if not isinstance(key, str) or (kind is None and "." not in key):
        return f"there is no key {key!r}; there are {', '.join(KINDS)} and settings with a dot."
    if kind is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        return f"{key} is {value!r:.60}, which is of the wrong kind."
    return None


def _emotion(values: Mapping[str, Any], folder: pathlib.Path) -> Emotion | None:
    """Raises `EmotionError`, `ConfigError`."""
    if "emotion" in values:
        values = {**cast_emotion(values["emotion"]), **{key: values[key] for key in values if key != "emotion"}}
    return read_emotion(values, folder=folder)
