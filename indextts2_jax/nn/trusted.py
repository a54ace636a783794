"""Applying modules to parameters that are known to fit.

Whenever a module reads a parameter, Flax traces the parameter's initialiser to compare the shapes: two fifths of all
the time that tracing takes, at every start. An artefact's parameters were compared with the networks already.
"""

import contextlib
import types
from collections.abc import Callable
from typing import Any

import flax.linen as nn
from flax.core import Scope


def trusted_parameters() -> contextlib.AbstractContextManager[None]:
    """Inside, modules take their parameters as they are; one that does not exist is made or missed as ever."""
    return nn.intercept_methods(_call)


def _call(method: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
    scope = context.module.scope
    if scope is not None:
        scope.param = types.MethodType(_param, scope)  # type: ignore[method-assign]
    return method(*args, **kwargs)


def _param(scope: Scope, name: str, *args: Any, **kwargs: Any) -> Any:
    """`Scope.param` without the comparison."""
    if not scope.has_variable("params", name):
        return Scope.param(scope, name, *args, **kwargs)
    scope.reserve(name, "params")
    return scope.get_variable("params", name)
