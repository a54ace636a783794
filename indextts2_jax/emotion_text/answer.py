"""The classifier's answer -> eight weights.

It answers in JSON, {"高兴": 0.1, "愤怒": 0.0, ...}, or nearly; sometimes it only names an emotion. The rules are those
of `QwenEmotion` in indextts/infer_v2.py, in its order, as they decide what is heard.
"""

import json
import re
from typing import Any

from indextts2_jax.errors import EmotionError

SAD, MELANCHOLIC, CALM = "悲伤", "低落", "自然"

LABELS = {
    "高兴": "happy",
    "愤怒": "angry",
    SAD: "sad",
    "恐惧": "afraid",
    "反感": "disgusted",
    MELANCHOLIC: "melancholic",
    "惊讶": "surprised",
    CALM: "calm",
}
"""What the classifier calls the emotions, in the order of an emotion vector."""

MELANCHOLIC_WORDS = ("低落", "melancholy", "melancholic", "depression", "depressed", "gloomy")
"""The classifier takes melancholic for sad. Where the text has one of these words, the two weights are exchanged."""

MAX_WEIGHT = 1.2

_LABEL_KEYS = ("emotion", "emotion_label", "label", "情感", "情绪")
_PAIR = re.compile(r'([^\s":.,]+?)"?\s*:\s*([\d.]+)')


def weights_of(answer: str, text: str) -> tuple[float, ...]:
    """Eight weights from 0 to 1.2, in the order of `LABELS`; calm where the answer names no emotion.

    Args:
      answer: what the classifier said, without special tokens.
      text: what it was asked about.
    Raises:
      EmotionError: a weight that is no number.
    """
    try:
        content = _content(answer)
        if isinstance(content, dict) and any(word in text.lower() for word in MELANCHOLIC_WORDS):
            content |= {SAD: content.get(MELANCHOLIC, 0.0), MELANCHOLIC: content.get(SAD, 0.0)}
        named = _named(content)
        # the order of the arguments matters: a weight that is NaN becomes the largest, as it does upstream
        found = {label: max(0.0, min(MAX_WEIGHT, float(named.get(label, 0.0)))) for label in LABELS}
    except (TypeError, ValueError, OverflowError):
        raise EmotionError(
            f"The emotion classifier's answer has a weight that is no number: {answer!r:.80}; put the emotion in other "
            "words, or give its weights."
        ) from None
    if not any(found.values()):
        found[CALM] = 1.0
    return tuple(found.values())


def _content(answer: str) -> Any:
    """The JSON value, or else all that looks like `name: number`."""
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return {name: float(number) for name, number in _PAIR.findall(answer)}


def _label(value: object) -> str | None:
    """The emotion that a string names, in Chinese or English."""
    if not isinstance(value, str):
        return None
    name = value.strip()
    return next((label for label, english in LABELS.items() if name == label or name.lower() == english), None)


def _named(content: object) -> dict[str, Any]:
    """The value as {label: weight}; an emotion that is named without a weight has 1."""
    named: dict[str, Any] = dict(content) if isinstance(content, dict) else {}
    labels = (_label(value) for value in (content, *(named.get(key) for key in _LABEL_KEYS)))
    label = next((label for label in labels if label is not None), None)
    if label is not None and not any(key in named for key in LABELS):
        named[label] = 1.0
    for key in LABELS:
        if (other := _label(named.get(key))) is not None:  # {"高兴": "sad"}
            named[key] = 0.0
            named[other] = 1.0
    return named
