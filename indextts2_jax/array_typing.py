"""The axis letters of the whole project and the array types built from them.

    B  batch                                        N  audio samples, or candidates of a step of the decoder
    L  text tokens                                  F  feature frames (100 Hz, or 50 Hz stacked)
    T  semantic frames and codes (50 Hz)            M  mel frames (22050 / 256 = 86.13 Hz)
    C  mel bins or channels                         D  width
    E  another width, of a result                   H  heads
    K  head dimension                               S  key length, or times of the flow
    Q  latents                                      V  vocabulary
    P  decoder prefix                               W  beams
    R  rows of the emotion matrices                 U  utterances of a data set
    G  groups of heads: in the GPT's memory B * H, in Qwen the key heads

Where a letter would say too little, a word:

    N16      samples at 16 kHz, where N are at 22.05        WV               W * V in one axis, beam by beam
    bins     of a spectrum, where C are channels            style            width of the speaker embedding
    pairs    of channels that turn together (K / 2)         channels         of a clip as it was read
    layers   of the transformer, or of any stack            wavenet_layers   of the WaveNet
    heads    batch and heads of scores, or neither          taps             of a convolution's kernel
    pair     weight and bias side by side (2 * D)           rest             any further axes
    places   of a spectrum or of a waveform, one axis or two: what a discriminator judges

`_` is a size that nothing else shares, such as that of the items of a list that are not equally long. What stands in
braces is computed from the arguments: "B M+2*{pad} D".

Every sequence is channels last, and every padded sequence travels with its `lengths [B]`: valid positions come
first, whatever lies behind them must not change them.

The tests run with all annotations of the package checked (tests/conftest.py). Axes that Python could read as an
expression are written with a space before them, " N": as "N" they would be the name of a class for ruff, which would
then have to overlook names that are not defined.
"""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Array, Bool, Float, Float16, Float32, Float64, Int, Int16, Int32, Key, Shaped

Params: TypeAlias = dict[str, Any]
"""A plain nested dict of arrays, as `module.apply({"params": params}, ...)` takes it."""

AnyArray: TypeAlias = Array | np.ndarray
"""What may lie on the device or on the host: parameters of a network, arguments that are handed on to a compiled
function, and what plain arithmetic takes."""

Number: TypeAlias = float | np.floating | Float[Array, ""]
"""A real number, whether Python's, NumPy's or traced."""

Lengths: TypeAlias = Int[Array, " B"]
Mask: TypeAlias = Bool[Array, "B T"]

__all__ = [
    "AnyArray",
    "Array",
    "Bool",
    "Float",
    "Float16",
    "Float32",
    "Float64",
    "Int",
    "Int16",
    "Int32",
    "Key",
    "Lengths",
    "Mask",
    "Number",
    "Params",
    "Shaped",
]
