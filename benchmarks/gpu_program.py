"""What a compiled program of XLA is made of: launches, library calls, copies, loops.

text of the scheduled program ─ computations ─► entry and, of every loop, its body ─► Program
"""

import dataclasses
import re
from collections.abc import Iterator

COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+) .*\{$", re.M)
INSTRUCTION = re.compile(
    r"^\s+(?:ROOT )?%?[\w.\-]+ = (?:\((?:[^()]|\([^()]*\))*\)|\S+) (?P<opcode>[a-z][\w\-]*)\((?P<rest>.*)$", re.M
)
VIEWS = frozenset(
    [
        "parameter",
        "constant",
        "tuple",
        "get-tuple-element",
        "bitcast",
        "after-all",
        "partition-id",
        "replica-id",
        "opt-barrier",
        "add-dependency",
    ]
)
"""Opcodes that launch nothing."""
INNER = frozenset(["while", "call", "conditional", "async-start", "async-done", "async-update"])
"""Opcodes whose launches are those of other computations."""
OWN = re.compile(r"__triton|xla\.gpu\.triton")
"""In a custom call that is no library's: of XLA's fusions, of our kernels."""
BODY = re.compile(r"body=%?([\w.\-]+)")
CALLED = re.compile(r"(?:to_apply|calls|called_computations=\{|branch_computations=\{)=?%?([\w.\-]+)")
TRIPS = re.compile(r'"known_trip_count":\{"n":"?(\d+)"?\}')


@dataclasses.dataclass(frozen=True)
class Loop:
    """A loop of the entry: launches of one run of its body, those of loops inside times their known runs."""

    launches: int
    library_calls: int
    copies: int
    trips: int | None
    """How often it runs, where the program says so."""


@dataclasses.dataclass(frozen=True)
class Program:
    """A scheduled program."""

    launches: int
    """Of the entry, loops apart."""
    library_calls: int
    copies: int
    loops: tuple[Loop, ...]
    """In the order of their launches, the largest first."""

    @property
    def total(self) -> int:
        """All launches, a loop of unknown length counted once."""
        return self.launches + sum((loop.trips or 1) * loop.launches for loop in self.loops)


@dataclasses.dataclass
class _Count:
    launches: int = 0
    library_calls: int = 0
    copies: int = 0

    def add(self, other: "_Count", times: int = 1) -> None:
        self.launches += times * other.launches
        self.library_calls += times * other.library_calls
        self.copies += times * other.copies


def read(text: str) -> Program:
    """The program that the text of a compiled executable shows."""
    bodies, entry = _computations(text)
    loops = []
    count = _Count()
    for opcode, rest in bodies[entry]:
        if opcode == "while":
            inside = _count(bodies, _body(rest))
            loops.append(Loop(inside.launches, inside.library_calls, inside.copies, _trips(rest)))
        else:
            count.add(_one(bodies, opcode, rest))
    loops.sort(key=lambda loop: -loop.launches)
    return Program(count.launches, count.library_calls, count.copies, tuple(loops))


def _computations(text: str) -> tuple[dict[str, list[tuple[str, str]]], str]:
    found: dict[str, list[tuple[str, str]]] = {}
    entry = ""
    heads = list(COMPUTATION.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        part = text[head.end() : following.start() if following else len(text)]
        found[head["name"]] = [(match["opcode"], match["rest"]) for match in INSTRUCTION.finditer(part)]
        if head["entry"]:
            entry = head["name"]
    return found, entry


def _count(bodies: dict[str, list[tuple[str, str]]], name: str) -> _Count:
    count = _Count()
    for opcode, rest in bodies[name]:
        count.add(_one(bodies, opcode, rest))
    return count


def _one(bodies: dict[str, list[tuple[str, str]]], opcode: str, rest: str) -> _Count:
    """What one instruction launches."""
    count = _Count()
    if opcode == "while":
        count.add(_count(bodies, _body(rest)), _trips(rest) or 1)
    elif opcode in INNER:
        for name in _called(rest):
            if name in bodies:
                count.add(_count(bodies, name))
    elif opcode not in VIEWS:
        count.launches = 1
        count.library_calls = int(opcode == "custom-call" and OWN.search(rest) is None)
        count.copies = int(opcode.startswith("copy"))
    return count


def _body(rest: str) -> str:
    match = BODY.search(rest)
    assert match is not None, rest
    return match[1]


def _trips(rest: str) -> int | None:
    match = TRIPS.search(rest)
    return int(match[1]) if match else None


def _called(rest: str) -> Iterator[str]:
    for match in CALLED.finditer(rest):
        yield match[1]
