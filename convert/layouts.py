"""How the numbers of one published tensor are laid out in ours: the only transposes of the project.

A layout takes the source arrays of one rule (in the rule's order) and returns one array. It is also run on shapes
alone, so that a whole checkpoint can be checked before its first number is read.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Layout:
    """`apply(*arrays) -> array` and the same on shapes, `shape(*shapes) -> shape` (raises ValueError if impossible)."""

    name: str
    apply: Callable[..., np.ndarray]
    shape: Callable[..., Shape]


def _permute(name: str, axes: Sequence[int]) -> Layout:
    def shape(source: Shape) -> Shape:
        if len(source) != len(axes):
            raise ValueError(f"{name} needs {len(axes)} axes")
        return tuple(source[axis] for axis in axes)

    return Layout(name, lambda array: np.transpose(array, axes), shape)


def fold_weight_norm(v: np.ndarray, g: np.ndarray) -> np.ndarray:
    """v * g / ||v||, the norm over all axes but the first (torch.nn.utils.weight_norm, dim=0; no epsilon).

    In float64: folding once in float32 and multiplying later would round twice.
    """
    wide = v.astype(np.float64)
    norm = np.sqrt(np.sum(wide * wide, axis=tuple(range(1, v.ndim)), keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):  # an all-zero direction gives NaN, which is refused later
        return (wide * (g.astype(np.float64) / norm)).astype(v.dtype)


def _weight_norm(inner: Layout) -> Layout:
    def shape(v: Shape, g: Shape) -> Shape:
        if g != (v[0],) + (1,) * (len(v) - 1):
            raise ValueError(f"weight_g {list(g)} does not belong to weight_v {list(v)}")
        return inner.shape(v)

    return Layout(f"weight_norm({inner.name})", lambda v, g: inner.apply(fold_weight_norm(v, g)), shape)


as_is = Layout("as_is", lambda array: array, lambda shape: shape)
linear = _permute("linear", (1, 0))
"""torch Linear [out, in] -> kernel [in, out]."""
conv1d = _permute("conv1d", (2, 1, 0))
"""torch Conv1d [out, in/groups, k] -> kernel [k, in/groups, out]."""
conv_transpose1d = _permute("conv_transpose1d", (2, 1, 0))
"""torch ConvTranspose1d [in, out, k] -> kernel [k, out, in] for `nn.ConvTranspose(transpose_kernel=True)`."""
conv2d = _permute("conv2d", (2, 3, 1, 0))
"""torch Conv2d [out, in, kh, kw] -> kernel [kh, kw, in, out]."""


def _pointwise_shape(shape: Shape) -> Shape:
    if len(shape) != 3 or shape[2] != 1:
        raise ValueError("pointwise needs [out, in, 1]")
    return (shape[1], shape[0])


pointwise = Layout("pointwise", lambda array: array[:, :, 0].T, _pointwise_shape)
"""torch Conv1d of kernel size 1 [out, in, 1] -> Dense kernel [in, out]."""

linear_wn = _weight_norm(linear)
conv1d_wn = _weight_norm(conv1d)
pointwise_wn = _weight_norm(pointwise)
conv_transpose1d_wn = _weight_norm(conv_transpose1d)  # axis 0 of a transposed convolution is its *input* channel


def squeeze(*axes: int) -> Layout:
    """Drops axes of size 1, e.g. the leading axis of a stored buffer."""

    def shape(source: Shape) -> Shape:
        if any(source[axis] != 1 for axis in axes):
            raise ValueError(f"squeeze{axes} needs size 1 there")
        return tuple(np.empty(source, dtype=bool).squeeze(axes).shape)

    return Layout(f"squeeze{axes}", lambda array: array.squeeze(axes), shape)
