"""An emotion as a script or a cast writes it, in the words of a batch line.

sad │ sad 0.6 │ happy:0.6,sad:0.2 │ 0,0,0.8,0,0,0,0,0 │ angry.wav 0.5 │ "close to tears" │ from text
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from indextts2_jax.errors import EmotionError
from indextts2_jax.gpt.emotion import EMOTIONS

BARE_WEIGHT = 0.8
"""Of an emotion that is only named."""

CLIP_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".caf", ".m4a", ".mp4", ".webm", ".aac", ".opus")

WEIGHTED = re.compile(r"(.*?)\s+([0-9]*\.?[0-9]+)", re.DOTALL)
QUOTED = re.compile(r'"([^"]*)"|“([^”]*)”|「([^」]*)」')


def parse_emotion(written: str) -> dict[str, Any]:
    """What is written, under the keys of `synthesis.request.EMOTION_KINDS`; nothing where nothing is.

    Raises:
      EmotionError: it is none of the forms above. Whether weights make sense is told by `read_emotion`.
    """
    text = written.strip()
    if not text:
        return {}
    weighted = WEIGHTED.fullmatch(text)
    source, weight = (weighted[1], float(weighted[2])) if weighted else (text, None)
    if "," in text and ":" not in text and re.fullmatch(r"[-0-9.,\s]+", text):
        return {"emotion_vector": [_number(item, text) for item in text.split(",")]}
    found = _source(source.strip())
    if found is None:
        known = ", ".join(EMOTIONS)
        raise EmotionError(
            f"({text:.40}) is no emotion: write a name ({known}), name:weight, eight weights, a clip's name, "
            '"words in quotes", or from text.'
        )
    return found if weight is None else {**found, "emotion_alpha": weight}


def _source(text: str) -> dict[str, Any] | None:
    if quoted := QUOTED.fullmatch(text):
        return {"emotion_text": next(group for group in quoted.groups() if group is not None)}
    if text.lower() == "from text":
        return {"emotion_from_text": True}
    if text.lower().endswith(CLIP_SUFFIXES):
        return {"emotion_audio": text}
    items = [item.strip() for item in text.split(",")]
    if all(item.partition(":")[0].strip().lower() in EMOTIONS for item in items):
        return {"emotion": ",".join(item if ":" in item else f"{item}:{BARE_WEIGHT}" for item in items)}
    return None


def _number(item: str, text: str) -> float:
    try:
        return float(item)
    except ValueError:
        raise EmotionError(f"({text:.40}) has {item.strip()!r} where a number is wanted.") from None


def cast_emotion(value: object) -> dict[str, Any]:
    """The same of the key `emotion` of a cast: as a script writes it, weights by name, or eight of them.

    Raises:
      EmotionError: none of these.
    """
    if isinstance(value, str):
        return parse_emotion(value)
    if isinstance(value, Mapping):
        return {"emotion": ",".join(f"{name}:{weight}" for name, weight in value.items())}
    if isinstance(value, Sequence):
        return {"emotion_vector": list(value)}
    raise EmotionError(f"emotion is {value!r:.40}: write a name, weights by name, or eight weights.")
