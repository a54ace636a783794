"""The conversion engine: a table of rules per network, applied totally.

A rule maps published tensors to one of our parameters, or drops one on purpose and says why. The engine insists that
every source tensor is matched by exactly one rule and every parameter is filled exactly once with an equal shape;
whatever is left over is reported in one error that lists all of it. Nothing is read before the names and shapes fit.

A pattern is a dotted name with `{placeholders}`, each standing for one name part made of digits. A placeholder that
the target repeats selects among parameters; one that the target lacks is *stacked*: its values, in ascending order,
become axis 0 of the parameter (as scanned layers want it).
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from flax.traverse_util import flatten_dict

from indextts2_jax.errors import CheckpointError

from .layouts import Layout, Shape, as_is


@runtime_checkable
class Source(Protocol):
    """The tensors of one published component: names and shapes known, numbers read on demand."""

    shapes: Mapping[str, Shape]

    def read(self, name: str) -> np.ndarray: ...


@dataclasses.dataclass(frozen=True)
class Rule:
    """source pattern(s) -> target path `a/b/kernel`; `where` restricts placeholders, e.g. {"layer": range(17)}."""

    source: str | tuple[str, ...]
    target: str | None
    layout: Layout = as_is
    where: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    reason: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else self.source


def drop(source: str, reason: str, where: Mapping[str, Sequence[int]] | None = None) -> Rule:
    """A published tensor that synthesis does not use."""
    return Rule(source, None, where=where or {}, reason=reason)


def weight_norm(prefix: str) -> tuple[str, str]:
    """The two tensors of a weight-normed weight (readers rename the `parametrizations` spelling to this one)."""
    return (f"{prefix}.weight_v", f"{prefix}.weight_g")


@dataclasses.dataclass(frozen=True)
class Assignment:
    """One parameter: the source names of each stack entry (a single entry when nothing is stacked)."""

    rule: Rule
    entries: tuple[tuple[str, ...], ...]
    stacked: bool
    shape: Shape

    def build(self, source: Source) -> np.ndarray:
        arrays = [self.rule.layout.apply(*(_finite(source, name) for name in names)) for names in self.entries]
        return np.stack(arrays) if self.stacked else np.ascontiguousarray(arrays[0])


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a table does with a source: `assignments` by parameter path, and the names dropped with their reasons."""

    assignments: Mapping[str, Assignment]
    dropped: Mapping[str, str]

    @property
    def used(self) -> int:
        return sum(len(names) for item in self.assignments.values() for names in item.entries)


_PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(_PLACEHOLDER.sub(r"(?P<\1>\\d+)", re.escape(pattern)) + r"\Z")


def _values(found: re.Match[str], rule: Rule) -> dict[str, int] | None:
    """The numbers in a name; None if they are not those the rule is for."""
    values = {key: int(value) for key, value in found.groupdict().items()}
    if any(value not in rule.where[key] for key, value in values.items() if key in rule.where):
        return None
    return values


def plan(network: str, rules: Sequence[Rule], source: Mapping[str, Shape], expected: dict[str, Any]) -> Plan:
    """Matches source names and shapes against the table and the network's own parameter shapes.

    Args:
      network: its name, for the error text.
      source: shape by published tensor name.
      expected: nested dict of anything with a `shape`, e.g. from `jax.eval_shape` of the Flax module.
    Raises:
      CheckpointError: listing every tensor that no rule or more than one rule matches, every parameter that is
        missing, filled twice or of another shape.
    """
    parameters = {path: tuple(leaf.shape) for path, leaf in flatten_dict(expected, sep="/").items()}
    problems: list[str] = []
    hits: dict[str, list[tuple[int, int, dict[str, int]]]] = {}
    patterns = [[_compile(pattern) for pattern in rule.sources] for rule in rules]
    for name in source:
        hits[name] = [
            (r, part, values)
            for r, rule in enumerate(rules)
            for part, regex in enumerate(patterns[r])
            if (found := regex.match(name)) and (values := _values(found, rule)) is not None
        ]
        if not hits[name]:
            problems.append(f"unknown tensor {name} {list(source[name])}")
        if len(hits[name]) > 1:
            problems.append(f"tensor {name} is matched by {len(hits[name])} rules")

    dropped: dict[str, str] = {}
    entries: dict[tuple[int, str], dict[tuple[int, ...], dict[int, str]]] = {}
    for name, hit in hits.items():
        for r, part, values in hit[:1]:
            rule = rules[r]
            if rule.target is None:
                dropped[name] = rule.reason
                continue
            path = rule.target.format(**values)
            index = tuple(value for key, value in values.items() if f"{{{key}}}" not in rule.target)
            entries.setdefault((r, path), {}).setdefault(index, {})[part] = name

    assignments: dict[str, Assignment] = {}
    for (r, path), by_index in entries.items():
        rule = rules[r]
        if path in assignments:
            problems.append(f"parameter {path} is filled twice")
            continue
        stacked = any(index for index in by_index)
        if stacked and path in parameters:
            problems += _absent_from_stack(rule, path, {index[0] for index in by_index}, parameters[path])
        names, shapes = [], []
        for index in sorted(by_index):
            parts = by_index[index]
            partner = next(iter(parts))
            (_, _, values), *_ = hits[parts[partner]]
            absent = [_fill(pattern, values) for p, pattern in enumerate(rule.sources) if p not in parts]
            if absent:
                problems.append(f"missing tensor {', '.join(absent)} (beside {parts[partner]})")
                continue
            ordered = tuple(parts[p] for p in range(len(rule.sources)))
            try:
                shapes.append(rule.layout.shape(*(source[name] for name in ordered)))
                names.append(ordered)
            except (ValueError, IndexError) as error:
                problems.append(f"tensor {ordered[0]} {list(source[ordered[0]])}: {error}")
        if len(names) < len(by_index):
            assignments[path] = Assignment(rule, (), False, ())  # its fault is already listed
            continue
        odd = [f"{name[0]} {list(shape)}" for name, shape in zip(names, shapes, strict=True) if shape != shapes[0]]
        shape = (len(shapes), *shapes[0]) if stacked else shapes[0]
        assignments[path] = Assignment(rule, tuple(names), stacked, shape)
        if path not in parameters:
            problems.append(f"{names[0][0]} fills {path}, which the network does not have")
        elif odd:
            problems.append(f"{names[0][0]} {list(shapes[0])} and {', '.join(odd)} do not stack into {path}")
        elif shape != parameters[path]:
            problems.append(
                f"{_span(names)} gives {path} the shape {list(shape)}, but the network has {list(parameters[path])}"
            )
    problems += [_absent(rules, path) for path in parameters if path not in assignments]
    if problems:
        listing = "; ".join(problems)
        raise CheckpointError(f"{network}: {len(problems)} tensors do not fit the network: {listing}.")
    return Plan(assignments, dropped)


def _fill(pattern: str, values: Mapping[str, object]) -> str:
    """Puts the known placeholders in and leaves the others readable."""
    return re.sub(r"{(\w+)}", lambda found: str(values.get(found[1], found[0])), pattern)


def _absent_from_stack(rule: Rule, path: str, present: set[int], shape: Shape) -> list[str]:
    """The names that a stacked parameter lacks (a stack has exactly one placeholder of its own)."""
    key = next(k for k in re.findall(r"{(\w+)}", rule.sources[0]) if f"{{{k}}}" not in str(rule.target))
    wanted = rule.where.get(key, range(shape[0]))
    return [
        f"missing tensor {source.replace(f'{{{key}}}', str(index))} (parameter {path})"
        for index in sorted(set(wanted) - present)
        for source in rule.sources
    ]


def _absent(rules: Sequence[Rule], path: str) -> str:
    """Names the tensors that a parameter should have been filled from."""
    for rule in rules:
        values = rule.target and _compile(rule.target).match(path)
        if values:
            names = [_fill(source, values.groupdict()) for source in rule.sources]
            return f"missing tensor {', '.join(names)} (parameter {path})"
    return f"no rule fills the parameter {path}"


def _span(names: list[tuple[str, ...]]) -> str:
    return names[0][0] if len(names) == 1 else f"{names[0][0]} .. {names[-1][0]}"


def _finite(source: Source, name: str) -> np.ndarray:
    array = source.read(name)
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise CheckpointError(f"tensor {name} holds NaN or infinite numbers: the file is damaged.")
    return array


def apply(plan_: Plan, source: Source) -> Iterator[tuple[str, np.ndarray]]:
    """Builds the parameters one by one, so that only one is in memory beside the source."""
    for path, assignment in plan_.assignments.items():
        yield path, assignment.build(source)
