"""How the tests check the annotations of the package: jaxtyping's import hook around every function, with beartype.

Before the first import of the package, so conftest.py calls `install`; not by the option --jaxtyping-packages, which
xdist does not hand on to its workers.
"""

import collections.abc
import contextlib
import functools
import operator
import types
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints, runtime_checkable

import beartype
from beartype.door import is_bearable
from beartype.vale import Is
from jaxtyping import config, install_import_hook, jaxtyped

PACKAGES = ("indextts2_jax", "convert", "configs", "benchmarks")

_CONF = beartype.BeartypeConf(is_pep484_tower=True)  # an int is a float


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The type checker that the hook puts around every function."""
    for name, hint in function.__annotations__.items():
        if hint is Self:  # beartype knows it in whole classes only, and the hook decorates functions
            function.__annotations__[name] = f"{function.__module__}.{function.__qualname__.rpartition('.')[0]}"
        else:
            function.__annotations__[name] = _checkable(hint)
    return beartype.beartype(conf=_CONF)(function)


def _checkable(hint: Any) -> Any:
    """The type, with all that can be checked of it.

    The fields of our NamedTuples are looked at where a function takes or returns one: JAX makes such tuples itself, of
    whatever it has at the moment, so that the check cannot stand in their constructor.
    """
    if isinstance(hint, type) and issubclass(hint, tuple) and hint.__module__.partition(".")[0] in PACKAGES:
        return _fitting(hint)
    if isinstance(hint, type) and getattr(hint, "_is_protocol", False):
        return runtime_checkable(hint)  # by the names of its methods; Flax and convert/ do not mark theirs
    inner = tuple(map(_checkable, get_args(hint)))
    if inner == get_args(hint) or get_origin(hint) in (Annotated, Literal, collections.abc.Callable, type):
        return hint
    return functools.reduce(operator.or_, inner) if get_origin(hint) is types.UnionType else get_origin(hint)[inner]


@functools.cache
def _fitting(kind: type) -> Any:
    @functools.cache
    def fields() -> dict[str, Any]:  # not before the module that defines it is complete
        return {name: _checkable(hint) for name, hint in get_type_hints(kind, include_extras=True).items()}

    def fit(value: Any) -> bool:
        with jaxtyped("context"):  # axes of their own
            return all(is_bearable(getattr(value, name), hint, conf=_CONF) for name, hint in fields().items())

    return Annotated[kind, Is[fit]]


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """For the tests of what is said to a user who passes something else than the annotations allow."""
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", False)


def install() -> None:
    """From now on modules of the package are imported with their annotations checked."""
    install_import_hook(PACKAGES, f"{__name__}.check")
