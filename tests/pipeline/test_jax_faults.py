"""Known faults of JAX and XLA that our graphs could meet, and that they do not (docs/performance.md lists them)."""

import functools
import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import roofline
from tests.models import PUBLISHED


def equations(jaxpr: Any) -> Iterator[Any]:
    """All of a graph, those inside loops and functions too."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for part in value if isinstance(value, tuple | list) else (value,):
                part = getattr(part, "jaxpr", part)
                if hasattr(part, "eqns"):
                    yield from equations(part)


@functools.cache
def graphs() -> dict[str, list[Any]]:
    """The equations of every stage of a sentence of the greatest length, three beams, published size."""
    work = roofline.workload(PUBLISHED, 1500, 15.0, 120, 3, jnp.float32)
    traced = {name: jax.make_jaxpr(function)(*inputs) for name, (function, inputs, _) in work.items()}
    return {name: list(equations(made.jaxpr)) for name, made in traced.items()}


def ranks(found: list[Any]) -> set[int]:
    return {len(variable.aval.shape) for equation in found for variable in (*equation.invars, *equation.outvars)}


def contracted(found: list[Any]) -> set[int]:
    """Over how many numbers the matrix products sum."""
    sizes = set()
    for equation in found:
        if equation.primitive.name == "dot_general":
            (axes, _), _ = equation.params["dimension_numbers"]
            sizes.add(math.prod(equation.invars[0].aval.shape[axis] for axis in axes))
    return sizes


def nested_concatenations(found: list[Any]) -> list[str]:
    """The shapes of those with a part that is one itself."""
    made = {variable for e in found if e.primitive.name == "concatenate" for variable in e.outvars}
    nested = []
    for equation in found:
        if equation.primitive.name == "concatenate":
            parts = [part for part in equation.invars if not hasattr(part, "val")]  # literals have no maker
            nested += [str(equation.outvars[0].aval)] * any(part in made for part in parts)
    return nested


def test_what_is_looked_for_is_found():
    """In a graph that has it, inside a loop."""

    def step(x, _):
        return x, jnp.concatenate([jnp.concatenate([x, x]), x]) @ jnp.zeros((3, 8))

    x = jnp.zeros((1, 2, 1, 2, 1, 2, 3))
    found = list(equations(jax.make_jaxpr(lambda x: jax.lax.scan(step, x, None, 2))(x).jaxpr))
    assert max(ranks(found)) == 8 and contracted(found) == {3} and nested_concatenations(found)


def test_no_array_has_seven_axes():
    """jax#39257 and #40412: XLA's CPU backend of jaxlib 0.10.2 and 0.11.0 crashes on sums over arrays of seven axes."""
    assert {name: max(ranks(found)) for name, found in graphs().items() if max(ranks(found)) > 5} == {}


def test_no_product_sums_over_three_numbers():
    """jax#39103: the CPU backend of jaxlib 0.10.2 is wrong behind products of [32769 or more, 3] with [3, 3]."""
    smallest = {name: min(contracted(found)) for name, found in graphs().items() if contracted(found)}
    assert len(smallest) == len(graphs()) - 1  # the vocoder has none
    of_codebook = {name for name, size in smallest.items() if size == 8}  # its entries have eight numbers
    assert of_codebook == {"codec", "acoustic condition"} and min({*smallest.values()} - {8}) >= 64


@pytest.mark.parametrize(("width", "made"), [(64, 64), (64, 1500), (80, 512)])
def test_many_rows_are_right(width, made):
    """Products of more than 32,768 rows and what is summed behind them, in widths that the networks have."""
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((33_000, width), (made, width)))
    with jax.default_matmul_precision("highest"):
        own = jax.jit(lambda x: jax.vmap(lambda row: jnp.sum((w @ row) ** 2))(x))(x)
    wanted = ((x.astype(np.float64) @ w.T) ** 2).sum(axis=1)
    np.testing.assert_allclose(np.asarray(own), wanted, rtol=1e-4)


def test_no_concatenation_is_of_concatenations():
    """jax#39486 and #40588: on a GPU jax 0.10.2 and 0.11.0 read wrong rows where nested concatenations are fused."""
    found = {name: nested_concatenations(found) for name, found in graphs().items()}
    assert {name: nested for name, nested in found.items() if nested} == {}
