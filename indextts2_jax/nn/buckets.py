"""Static shapes: lengths are rounded up to a short ladder of sizes, so that few shapes are ever compiled.

The ladder is 64, 128, 192, 256, 384, 512, 768, 1024, ...: powers of two and the sizes half-way between. A sequence is
padded by half its length at worst, and everything up to the longest utterance (3,871 mel frames) falls into twelve
sizes. What is padded never changes what is not; the tests of every stage hold that.
"""

import numpy as np
from jaxtyping import Shaped

SMALLEST = 64
FINE = 32


def bucket_size(length: int) -> int:
    """The smallest rung of the ladder that holds `length`."""
    power = SMALLEST
    while power < length:
        power *= 2
    between = power * 3 // 4
    return between if between >= length and power > 2 * SMALLEST else power


def size_beside(length: int, others: int) -> int:
    """What a sequence is padded to that shares its axis with so many other rows: together they fill a rung.

    XLA finds no tiles for some products of a number of rows that is odd.
    """
    return bucket_size(length + others) - others


def prompt_size(frames: int) -> int:
    """Mel frames that a voice's prompt is padded to: a multiple of 32.

    Finer than the ladder, for every step of every sentence pays for what is padded, while a voice is used for many
    sentences, and the longest clip there can be (15 seconds, 1,291 frames) is the most frequent.
    """
    return -(-frames // FINE) * FINE


def regulated_size(semantic_size: int, frames: int = 0) -> int:
    """Mel frames that any `semantic_size` semantic frames become at most, padded: one size for a size.

    1.75 a frame. Prompts have up to 1.7227 and one more, targets 1.72; 64 is the smallest size. Speech slower than that
    has more `frames`, and takes their bucket.
    """
    size = -(-semantic_size * 7 // (4 * SMALLEST)) * SMALLEST
    return size if frames <= size else bucket_size(frames)


def pad_axis(array: Shaped[np.ndarray, "..."], size: int, axis: int = 0) -> Shaped[np.ndarray, "..."]:
    """Zero-pads one axis to `size`."""
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, size - array.shape[axis])
    return np.pad(array, widths)


def batch_of_one(array: Shaped[np.ndarray, " T *rest"]) -> Shaped[np.ndarray, "1 _ *rest"]:
    """One sequence, padded to its bucket."""
    return pad_axis(array, bucket_size(len(array)))[None]
