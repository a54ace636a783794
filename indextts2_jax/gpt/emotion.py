"""Emotion arithmetic: how an emotion clip, or eight numbers, become the emotion vector that is added to the voice.

    emotion clip:  base + alpha * (emotion - base)                                             `blend`
    eight numbers: sum_e v_e * row_e + (1 - sum_e v_e) * the speaker clip's own emotion        `mix_matrix`
                   row_e: of the emotion's rows, the one whose speaker is most like ours       `matrix_rows`

Source: indextts/infer_v2.py. All of it is NumPy and Python numbers on the host: a few thousand multiplications per
request, not worth a compilation. Arrays may have leading batch axes.
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from indextts2_jax.array_typing import Float, Int
from indextts2_jax.errors import EmotionError

EMOTIONS = ("happy", "angry", "sad", "afraid", "disgusted", "melancholic", "surprised", "calm")
"""The order of an emotion vector's numbers and of the groups of rows in the matrices."""

EmotionVector: TypeAlias = tuple[float, ...]
"""Eight weights in the order of `EMOTIONS`."""

Vector: TypeAlias = Float[np.ndarray, "... D"]
"""What is added to every speaker latent."""

MAX_WEIGHT = 1.2
"""The largest weight that any of upstream's own routes gives: its text classifier's scores are clamped to it."""

WEB_BIAS = (0.9375, 0.875, 1.0, 1.0, 0.9375, 0.9375, 0.6875, 0.5625)
"""Upstream's web page weakens the emotions that are prone to odd results by these factors."""

WEB_MAX_SUM = 0.8


@dataclasses.dataclass(frozen=True)
class EmotionEmbedding:
    """The emotion embedding of a request."""

    merged: Float[np.ndarray, " D"]
    """After the emotion clip, before the eight weights: "emovec" of the recorded stages."""
    final: Float[np.ndarray, " D"]


def _number(value: object, what: str) -> float:
    try:
        number = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # an int beyond the floats
        number = math.inf
    if not math.isfinite(number):
        raise EmotionError(f"{what} is {value!r:.40}, but it must be a finite number.")
    return number


def check_vector(values: Sequence[float] | Float[np.ndarray, "8"] | Mapping[str, float]) -> EmotionVector:
    """Eight finite weights, each from 0 to 1.2, as plain floats; from {name: weight} those not named are 0.

    A departure: the reference's Python interface checks nothing, its command line wants 0 to 1 and a sum of at most
    0.8, and its text classifier gives up to 1.2 each with any sum. Here whatever the latter two can give is taken. A
    sum above 1 subtracts the speaker clip's own emotion, as it does there.

    Raises:
      EmotionError: not eight values, an unknown name, or a value that is no number, not finite or out of range.
    """
    order = ", ".join(EMOTIONS)
    if isinstance(values, Mapping):
        if not values or (unknown := [name for name in values if name not in EMOTIONS]):
            wrong = f"{unknown[0]!r:.40} is no emotion" if values else "No emotion is named"
            raise EmotionError(f"{wrong}; the emotions are {order}.")
        values = [values.get(name, 0.0) for name in EMOTIONS]
    listed = isinstance(values, list | tuple) or (isinstance(values, np.ndarray) and values.ndim == 1)
    if not listed or len(values) != len(EMOTIONS):
        raise EmotionError(
            f"The emotion vector is {values!r:.80}, but it must be a list of {len(EMOTIONS)} numbers: {order}."
        )
    vector = tuple(_number(value, f"Emotion {name!r}") for name, value in zip(EMOTIONS, values, strict=True))
    for name, value in zip(EMOTIONS, vector, strict=True):
        if not 0.0 <= value <= MAX_WEIGHT:
            raise EmotionError(
                f"Emotion {name!r} is {value:g}, but each weight ({order}) must be from 0 to {MAX_WEIGHT:g}."
            )
    return vector


def parse_weights(text: str) -> EmotionVector:
    """ "happy:0.6,sad:0.2" -> the vector.

    Raises:
      EmotionError: not of this form, a name twice, or as `check_vector`.
    """
    weights: dict[str, float] = {}
    for item in text.split(","):
        name, colon, number = (part.strip() for part in item.partition(":"))
        try:
            weight = float(number)
        except ValueError:
            colon = ""
        if not (name and colon):
            raise EmotionError(
                f"{item.strip()!r:.40} is not of the form name:weight, as happy:0.6,sad:0.2; the emotions are "
                f"{', '.join(EMOTIONS)}."
            )
        if name.lower() in weights:
            raise EmotionError(f"The emotion {name!r:.40} is given twice; the emotions are {', '.join(EMOTIONS)}.")
        weights[name.lower()] = weight
    return check_vector(weights)


def check_one_source(sources: Mapping[str, object]) -> None:
    """Raises `EmotionError` where more than one of the values is not None; the keys are what their user calls them."""
    given = [name for name, value in sources.items() if value is not None]
    if len(given) > 1:
        raise EmotionError(f"The emotion is given more than once, by {' and '.join(given)}; leave only one of them.")


def check_alpha(alpha: float | np.floating | np.integer) -> float:
    """The strength of an emotion prompt, from 0 (the speaker clip's own emotion) to 1 (the prompt's).

    A departure: the reference clamps it to this range for vectors and for clips takes whatever it is given, although
    its web page offers 0 to 1 only. Here anything else is an error, so that a typing mistake is not heard as noise.

    Raises:
      EmotionError: no finite number from 0 to 1.
    """
    alpha = _number(alpha, "The emotion weight")
    if not 0.0 <= alpha <= 1.0:
        raise EmotionError(f"The emotion weight is {alpha:g}, but it must be from 0 to 1.")
    return alpha


def scale_vector(vector: EmotionVector, alpha: float) -> EmotionVector:
    """Weights times alpha, alpha clamped to 0..1; unless alpha is 1, cut off (not rounded) after four decimals."""
    alpha = max(0.0, min(1.0, alpha))
    if alpha == 1.0:
        return vector
    return tuple(int(value * alpha * 10000) / 10000 for value in vector)


def normalize_vector(vector: EmotionVector) -> EmotionVector:
    """What upstream's web page does with the sliders: weights times `WEB_BIAS`, scaled down to a sum of 0.8."""
    biased = tuple(value * bias for value, bias in zip(vector, WEB_BIAS, strict=True))
    total = sum(biased)
    if total <= WEB_MAX_SUM:
        return biased
    return tuple(value * (WEB_MAX_SUM / total) for value in biased)


def blend(base: Vector, emotion: Vector, alpha: float) -> Vector:
    """[... D]: from the speaker clip's emotion (alpha 0) to the emotion clip's (alpha 1)."""
    return base + alpha * (emotion - base)


def matrix_rows(
    style: Float[np.ndarray, "... C"], speaker_matrix: Float[np.ndarray, "R C"], rows: Sequence[int]
) -> Int[np.ndarray, "... {len(rows)}"]:
    """For each emotion the row whose speaker has the greatest cosine with `style` (the speaker embedding).

    Args:
      rows: how many of the R rows belong to each emotion, in order; sum(rows) = R.
    Returns:
      Row numbers within the whole matrix; of equals the first.
    """
    norms = np.maximum(np.linalg.norm(speaker_matrix, axis=-1), 1e-8)
    # the norm of `style` is left out: it scales all rows alike
    cosine = style @ speaker_matrix.T / norms
    ends = np.cumsum(rows)
    return np.stack(
        [end - n + np.argmax(cosine[..., end - n : end], -1) for n, end in zip(rows, ends, strict=True)], -1
    )


def mix_matrix(
    vector: EmotionVector,
    emotion_matrix: Float[np.ndarray, "R D"],
    indices: Int[np.ndarray, "... {len(vector)}"],
    audio_emotion: Vector,
) -> Vector:
    """sum_e v_e * row_e + (1 - sum_e v_e) * audio_emotion [... D]; the rows of the matrix are taken as they are."""
    weights = np.asarray(vector, np.float32)
    return np.einsum("e,...ed->...d", weights, emotion_matrix[indices]) + (1.0 - weights.sum()) * audio_emotion
