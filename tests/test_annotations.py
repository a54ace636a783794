"""The annotations of the package: checked while the tests run, and of no axis that the legend does not have."""

import ast
import builtins
import importlib.util
import pathlib
import re
import sys

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import indextts2_jax
from indextts2_jax import array_typing
from indextts2_jax.audio import write
from indextts2_jax.gpt import beam
from indextts2_jax.nn.masking import length_mask, zero_padding
from tests import annotations

PACKAGE = pathlib.Path(indextts2_jax.__file__).parent
KINDS = {name for name in dir(jaxtyping) if isinstance(getattr(jaxtyping, name), type(jaxtyping.Float))}


def legend() -> dict[str, str]:
    """The tables of the legend: name, meaning, name, meaning, with two spaces or more between them."""
    lines = [line.strip() for line in array_typing.__doc__.splitlines() if line.startswith("    ")]
    cells = [cell for line in lines for cell in re.split(r"\s{2,}", line)]
    return dict(zip(cells[::2], cells[1::2], strict=True))


def annotations_of(tree: ast.AST, arguments: frozenset[str] = frozenset()):
    """(axes, line, arguments of the function that has the annotation) of every array type."""
    for node in ast.iter_child_nodes(tree):
        own = arguments
        if isinstance(node, ast.FunctionDef):
            given = node.args
            own = frozenset(arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs))
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in KINDS:
            axes = node.slice.elts[1]
            assert isinstance(axes, ast.Constant), ast.unparse(node)
            yield axes.value, node.lineno, own
        yield from annotations_of(node, own)


def names_in(expression: str) -> set[str]:
    """The variables of an expression, functions like `min` left out."""
    nodes = ast.walk(ast.parse(expression, mode="eval"))
    return {node.id for node in nodes if isinstance(node, ast.Name) and not hasattr(builtins, node.id)}


def axes_in(axes: str) -> set[str]:
    """The axis names of "B #T 2*D M+{pad} ... *rest _"."""
    plain = [re.sub(r"\{[^}]*\}", "0", axis).lstrip("#*?") for axis in axes.split() if axis not in ("...", "_")]
    return set().union(*(names_in(axis) for axis in plain))


def test_the_legend_has_every_axis_and_no_other():
    used, count = set(), 0
    for path in sorted(PACKAGE.rglob("*.py")):
        for axes, line, arguments in annotations_of(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(PACKAGE)}:{line}: {axes!r}"
            unknown = axes_in(axes) - set(legend())
            assert not unknown, f"{where} has {unknown}, which the legend of array_typing.py does not have"
            computed = set().union(*map(names_in, re.findall(r"\{([^}]*)\}", axes)))
            assert computed <= arguments, f"{where} is computed of {computed - arguments}, no argument of the function"
            used |= axes_in(axes)
            count += 1
    assert count > 400
    assert used == set(legend())


def test_every_module_is_imported_with_its_annotations_checked():
    installed = ("indextts2_jax.convert", "indextts2_jax.configs")  # the same files under the names an install has
    loaded = [
        module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in annotations.PACKAGES and not name.startswith(installed)
    ]
    assert loaded
    for module in loaded:
        assert type(module.__loader__).__module__ == "jaxtyping._import_hook", module.__name__
    files = [path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.py")]
    for name in (".".join(path.parts).removesuffix(".__init__") for path in files):
        assert type(importlib.util.find_spec(name).loader).__module__ == "jaxtyping._import_hook", name


def test_a_wrong_call_is_an_error():
    x, mask = jnp.zeros((2, 5, 3)), length_mask(jnp.array([5, 2]), 5)
    zero_padding(x, mask)
    for wrong in (mask[:, :4], mask[0], mask.astype(int), np.asarray(mask), None):
        with pytest.raises(jaxtyping.TypeCheckError, match="mask"):
            zero_padding(x, wrong)
    with pytest.raises(jaxtyping.TypeCheckError, match="milliseconds"):
        write.silence("1")
    write.silence(1)  # an int is a float


def test_the_fields_of_a_tuple_are_checked_where_a_function_takes_it():
    heap = beam.empty(3)
    nothing = jnp.zeros((), jnp.int32)
    beam.add(heap, jnp.zeros(()), nothing, nothing, jnp.array(True))
    for wrong in (heap._replace(beams=heap.scores), heap._replace(scores=jnp.zeros(2)), heap._replace(found=0)):
        with pytest.raises(jaxtyping.TypeCheckError, match="heap"):
            beam.add(wrong, jnp.zeros(()), nothing, nothing, jnp.array(True))


def test_some_tests_go_on_unchecked():
    with annotations.unchecked(), pytest.raises(TypeError):
        write.silence("1")
    with pytest.raises(jaxtyping.TypeCheckError):
        write.silence("1")
