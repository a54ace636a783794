"""The axis letters of the whole project and the array types built from them.

    B batch              L text tokens         N audio samples       F feature frames (100 Hz, or 50 Hz stacked)
    T semantic frames and codes (50 Hz)        M mel frames (22050 / 256 = 86.13 Hz)
    C mel bins or channels                     D width               H heads              K head dimension
    S key length         Q latents             V vocabulary          P decoder prefix     W beams

Every sequence is channels last, and every padded sequence travels with its `lengths [B]`: valid positions come
first, whatever lies behind them must not change them.
"""

from typing import Any, TypeAlias

from jaxtyping import Array, Bool, Float, Int, Key

Params: TypeAlias = dict[str, Any]
"""A plain nested dict of arrays, as `module.apply({"params": params}, ...)` takes it."""

Lengths: TypeAlias = Int[Array, "B"]
Mask: TypeAlias = Bool[Array, "B T"]

__all__ = ["Array", "Bool", "Float", "Int", "Key", "Lengths", "Mask", "Params"]
