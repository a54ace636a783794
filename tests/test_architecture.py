"""Who may import whom, checked on the syntax tree:

    errors, array_typing < runtime < config < text, audio, nn < the stages < checkpoint, pipeline < synthesis
        < dialogue < books < the public names < serving < commands < __main__, run_inference

An import counts wherever it stands, in a function or for types only.
"""

import ast
import graphlib
import itertools
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = "indextts2_jax"

STAGES = frozenset({"semantic", "speaker", "gpt", "s2mel", "vocoder", "emotion_text"})
FLOORS = (
    frozenset({"errors", "array_typing"}),
    frozenset({"runtime"}),
    frozenset({"config"}),
    frozenset({"text", "audio", "nn"}),
    STAGES,
    frozenset({"checkpoint", "pipeline"}),
    frozenset({"synthesis"}),
    frozenset({"dialogue"}),
    frozenset({"books"}),
    frozenset({"__init__"}),  # the public names
    frozenset({"serving"}),
    frozenset({"commands"}),
    frozenset({"__main__", "run_inference"}),
)
"""A room imports from the floors below, not from rooms beside it."""
ROOMS = frozenset().union(*FLOORS)
FILES = frozenset({"__init__", "__main__", "errors", "array_typing"})
"""What may stand at the package's root as a file; all else is in a folder."""

ALLOWED = {room: frozenset().union(*FLOORS[:number]) for number, floor in enumerate(FLOORS) for room in floor}
ALLOWED |= {stage: ALLOWED[stage] - {"text", "audio"} for stage in STAGES}
ALLOWED |= {
    "training": ALLOWED["synthesis"],
    "convert": frozenset({"checkpoint", "config", "runtime", "errors", "array_typing"}),
    "configs": frozenset({"config", "errors", "training"}),
    "benchmarks": ROOMS - {"__main__", "run_inference"} | {"training", "configs", "convert"},
    "__main__": ALLOWED["__main__"] | {"training", "convert"},  # the commands train and convert
}
DISPATCHERS = ("__init__", "__main__", "benchmarks")
"""Whose dynamic imports may be of names that are not written there."""

KNOWN: frozenset[str] = frozenset()
"""Faults that have been there before the rule, to be mended; none may be added."""


def faults(root: pathlib.Path) -> set[str]:
    """A sentence for everything that is not where it should be, or imports what it should not."""
    files = {_module(path.relative_to(root)): path for path in _sources(root)}
    found, graph = set(), {}
    for name, path in files.items():
        room, shown = _room(name), path.relative_to(root)
        if room not in ALLOWED:
            found.add(f"{shown}: there is no room {room}")
            continue
        if path.parent == root / PACKAGE and room not in FILES:
            found.add(f"{shown}: only {', '.join(sorted(FILES))} stand at the package's root")
        graph[name] = set()
        for target in _imports(name, ast.parse(path.read_text(encoding="utf-8"))):
            modules = _modules_of(target, files)
            if not modules:
                found.add(f"{shown} imports {target}, which is not there")
            graph[name] |= {module for module in modules if module != name}
            for other in {_room(module) for module in modules} - {room} - ALLOWED[room]:
                found.add(f"{shown} imports {target}: {room} must not import {other}")
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found.add(f"a circle: {' > '.join(error.args[1])}")
    return found


def _sources(root: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder in (PACKAGE, "convert", "configs", "benchmarks"):
        yield from sorted((root / folder).rglob("*.py"))
    yield from root.glob("run_inference.py")


def _module(path: pathlib.Path) -> str:
    return ".".join(path.with_suffix("").parts)  # a package is itself with .__init__


def _room(module: str) -> str:
    first, *rest = module.split(".")
    return rest[0] if first == PACKAGE and rest else first


def _imports(name: str, tree: ast.Module) -> Iterator[str]:
    """Dotted names of what is ours; those of packages end in `.*` where everything below may be meant."""
    package = name.split(".")[:-1]
    for node in ast.walk(tree):
        targets = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            targets = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            written = _beginning(node.args[0])
            if not written and _room(name) not in DISPATCHERS:
                targets = [f"{PACKAGE}.*"]  # it may be anything
            elif written:
                targets = [_absolute(written, package)]
        for target in targets:
            target = target.replace(f"{PACKAGE}.convert", "convert").replace(f"{PACKAGE}.configs", "configs")
            if target.split(".")[0] in (PACKAGE, "convert", "configs", "benchmarks", "run_inference", "tests"):
                yield target


def _absolute(target: str, package: list[str]) -> str:
    level = len(target) - len(target.lstrip("."))
    return ".".join([*package[: len(package) - level + 1], target[level:]]).rstrip(".") if level else target


def _beginning(argument: ast.expr) -> str:
    """The text that a string begins with, with `*` for what is filled in."""
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
        return f"{argument.values[0].value.rpartition('.')[0]}.*"
    return ""


def _modules_of(target: str, files: dict[str, pathlib.Path]) -> set[str]:
    """The modules that a dotted name means: itself, its package, or what it is defined in."""
    if target.endswith(".*"):
        return {module for module in files if module.startswith(target[:-1]) and not module.endswith("__init__")}
    parent = target.rpartition(".")[0]
    for module in (target, f"{target}.__init__", parent, f"{parent}.__init__"):
        if module in files:
            return {module}
    return set()


# --- this house -----------------------------------------------------------------------------------------------


def test_the_house_is_in_order():
    assert faults(ROOT) == KNOWN


# --- houses that are not --------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """Every room with two empty files; returns how to write one, and see the faults."""
    top = ("convert", "configs", "benchmarks")
    rooms = [f"{PACKAGE}/{room}" for room in sorted(set(ALLOWED) - FILES - {"run_inference", *top})]
    for folder in (*top, *rooms, f"{PACKAGE}/training/demo"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("__init__", "part", "other"):
            (tmp_path / folder / f"{name}.py").touch()
    for name in FILES:
        (tmp_path / PACKAGE / f"{name}.py").touch()

    def write(path: str, text: str) -> set[str]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
        return faults(tmp_path)

    return write


FINE = {
    "run_inference.py": "from indextts2_jax.commands.part import x",
    "indextts2_jax/__init__.py": "import importlib\nimportlib.import_module(f'{__name__}.x')",
    "indextts2_jax/runtime/part.py": "from indextts2_jax.errors import IndexTTSError\nimport numpy as np",
    "indextts2_jax/gpt/part.py": "from indextts2_jax.nn import part\nfrom indextts2_jax.gpt import other",
    "indextts2_jax/pipeline/part.py": "from indextts2_jax.audio.part import x\nimport indextts2_jax.vocoder.part",
    "indextts2_jax/commands/part.py": "from indextts2_jax import IndexTTS2",
    "indextts2_jax/training/part.py": "from ..pipeline import part\nfrom . import other",
    "indextts2_jax/training/demo/part.py": "from indextts2_jax.training.part import x",
    "convert/part.py": "from .other import x\nfrom indextts2_jax.checkpoint.part import y",
    "configs/part.py": "from indextts2_jax.training.part import x",
    "benchmarks/part.py": "from configs import part\nfrom indextts2_jax.training import other",
}


@pytest.mark.parametrize("path", FINE)
def test_what_is_allowed(house, path):
    assert house(path, FINE[path]) == set()


WRONG = [
    ("indextts2_jax/gpt/part.py", "from indextts2_jax.vocoder.part import x", "gpt must not import vocoder"),
    ("indextts2_jax/gpt/part.py", "import indextts2_jax.audio.part", "gpt must not import audio"),
    ("indextts2_jax/emotion_text/part.py", "from indextts2_jax.text import part", "must not import text"),
    ("indextts2_jax/nn/part.py", "from indextts2_jax import text", "nn must not import text"),
    ("indextts2_jax/config/part.py", "from ..gpt.part import x", "config must not import gpt"),
    ("indextts2_jax/errors.py", "import indextts2_jax.runtime.part", "errors must not import runtime"),
    ("indextts2_jax/pipeline/part.py", "from indextts2_jax.synthesis.part import x", "pipeline must not import synth"),
    ("indextts2_jax/synthesis/part.py", "from indextts2_jax import IndexTTS2", "synthesis must not import __init__"),
    ("indextts2_jax/synthesis/part.py", "from indextts2_jax.commands import part", "must not import commands"),
    ("indextts2_jax/commands/part.py", "from indextts2_jax.training.part import x", "must not import training"),
    ("indextts2_jax/commands/part.py", "import indextts2_jax.__main__", "commands must not import __main__"),
    ("indextts2_jax/commands/part.py", "from convert import part", "commands must not import convert"),
    ("indextts2_jax/commands/part.py", "import indextts2_jax.configs.part", "commands must not import configs"),
    ("indextts2_jax/training/part.py", "from indextts2_jax.synthesis import part", "training must not import synth"),
    ("convert/part.py", "from indextts2_jax.gpt.part import x", "convert must not import gpt"),
    ("convert/part.py", "from configs.part import x", "convert must not import configs"),
    ("configs/part.py", "from indextts2_jax.pipeline import part", "configs must not import pipeline"),
    ("benchmarks/part.py", "import run_inference", "which is not there"),
    ("indextts2_jax/gpt/part.py", "def f():\n    from indextts2_jax.text.part import x", "gpt must not import text"),
    (
        "indextts2_jax/nn/part.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from indextts2_jax.gpt.part import x",
        "nn must not import gpt",
    ),
    ("indextts2_jax/nn/part.py", "import importlib\nimportlib.import_module('indextts2_jax.gpt.part')", "import gpt"),
    ("indextts2_jax/nn/part.py", "from importlib import import_module\nimport_module(f'..gpt.{x}', y)", "import gpt"),
    ("indextts2_jax/nn/part.py", "import importlib\nimportlib.import_module(name)", "nn must not import"),
    ("indextts2_jax/gpt/part.py", "from indextts2_jax.nn.gone import x", "nn.gone.x, which is not there"),
    ("indextts2_jax/gpt/part.py", "from tests.tiny import x", "tests.tiny.x, which is not there"),
    ("indextts2_jax/helpers.py", "", "there is no room helpers"),
    ("indextts2_jax/commands.py", "", "stand at the package's root"),
    ("indextts2_jax/helpers/part.py", "", "there is no room helpers"),
    ("indextts2_jax/demo/part.py", "", "there is no room demo"),
]


@pytest.mark.parametrize(("path", "text", "fault"), WRONG, ids=itertools.count())
def test_what_is_refused(house, path, text, fault):
    found = house(path, text)
    assert [line for line in found if fault in line and path in line], found


def test_circles(house):
    assert not house("indextts2_jax/gpt/part.py", "from indextts2_jax.gpt import other")
    (fault,) = house("indextts2_jax/gpt/other.py", "def f():\n    from .part import x")
    assert fault.startswith("a circle: ") and "indextts2_jax.gpt.part" in fault and "indextts2_jax.gpt.other" in fault


def test_a_circle_by_a_dynamic_import(house):
    house("indextts2_jax/training/part.py", "import importlib\nimportlib.import_module(f'.demo.{x}', __package__)")
    (fault,) = house("indextts2_jax/training/demo/other.py", "from indextts2_jax.training import part")
    assert fault.startswith("a circle: ")
