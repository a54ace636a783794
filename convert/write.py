"""From a published directory to an artefact: everything is planned and checked before the first number is read."""

import dataclasses
import importlib
import pathlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from indextts2_jax.checkpoint import networks
from indextts2_jax.checkpoint.artefact import NetworkTensors, cast, check_output, expected_specs, write_artefact
from indextts2_jax.checkpoint.tensors import Digest, Spec, digest_file
from indextts2_jax.config import ModelConfig
from indextts2_jax.errors import CheckpointError

from . import known
from . import rules as engine
from .published import Part, Published, open_published
from .read import Beside, JoinedSource, open_component

OnBytes = Callable[[int], None]
"""Called with the bytes just done."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What became of one network's tensors."""

    network: str
    files: tuple[str, ...]
    used: int
    dropped: Mapping[str, int]
    """Number of tensors by reason."""
    beside: tuple[Beside, ...]
    """What stood beside the weights."""
    parameters: int
    bytes: int
    types: Mapping[str, int]
    """Number of the tensors that are used, by the type of their numbers."""
    published_type: str
    """What the publisher's are."""


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A checked plan for every network: `run` cannot meet a missing or unknown tensor any more."""

    published: Published
    networks: tuple["NetworkPlan", ...]
    dtype: str
    published_bytes: int
    """Of all published files that are used."""

    @property
    def bytes(self) -> int:
        """Bytes of all parameters to be written."""
        return sum(part.summary.bytes for part in self.networks)

    @property
    def work(self) -> int:
        """Bytes that `run` reports as progress: what it hashes and what it writes."""
        return self.bytes + self.published_bytes


@dataclasses.dataclass(frozen=True)
class NetworkPlan:
    name: str
    source: JoinedSource
    plan: engine.Plan
    specs: Mapping[str, Spec]
    summary: Summary


def rules_of(network: str, model: ModelConfig) -> list[engine.Rule]:
    """The table of `convert.maps.NETWORK`."""
    return importlib.import_module(f".maps.{network}", __package__).rules(model)


def plan_conversion(source: pathlib.Path, dtype: str, with_encoder: bool = False) -> Conversion:
    """Opens every file and matches every name and shape.

    Args:
      with_encoder: as of `open_published`.
    Raises:
      CheckpointError: files missing, unreadable or refused; settings not implemented; or, for all networks at once,
        every tensor that is unknown, missing, or of another shape.
    """
    published = open_published(source, with_encoder)
    plans, problems = [], []
    for network in networks.networks_of(published.model):
        try:
            plans.append(_plan_network(network, published.components[network], published.model, dtype))
        except CheckpointError as error:
            problems.append(str(error))
    if problems:
        raise CheckpointError("\n".join(dict.fromkeys(problems)))
    try:
        size = sum(path.stat().st_size for path in published.files.values())
    except OSError as error:
        raise CheckpointError(f"Cannot read {error.filename}: {error.strerror or error}.") from None
    return Conversion(published, tuple(plans), dtype, size)


def _plan_network(network: str, parts: tuple[Part, ...], model: ModelConfig, dtype: str) -> NetworkPlan:
    specs = expected_specs(network, model, dtype)
    source = JoinedSource(
        [open_component(part.path, prefix=part.prefix, bare=part.bare, wrapping=part.wrapping) for part in parts]
    )
    made = engine.plan(network, rules_of(network, model), source.shapes, specs)
    summary = Summary(
        network,
        tuple(part.path.name for part in parts),
        made.used,
        Counter(made.dropped.values()),
        tuple(source.beside),
        sum(spec.size for spec in specs.values()),
        sum(spec.nbytes for spec in specs.values()),
        Counter(source.dtypes[name] for name in source.shapes if name not in made.dropped),
        "bfloat16" if network in networks.OPTIONAL else "float32",
    )
    return NetworkPlan(network, source, made, specs, summary)


@dataclasses.dataclass
class Outcome:
    """What `run` saw when it read the numbers."""

    verdict: known.Verdict
    """How the files compare with the published ones."""
    zeros: list[str]
    """NETWORK: tensors of more than one number, all of them 0."""


def run(conversion: Conversion, output: pathlib.Path, on_bytes: OnBytes = lambda done: None) -> Outcome:
    """Writes the artefact: one tensor in memory at a time, one network's files open at a time.

    Raises:
      CheckpointError: numbers that are not finite or do not fit, no room on the disk, or no permission.
    """
    _check_room(output, conversion)
    digests = _digests(conversion.published, on_bytes)
    zeros: list[str] = []
    write_artefact(
        output,
        model=conversion.published.model,
        dtype=conversion.dtype,
        tokenizer=conversion.published.tokenizer,
        source={name: digest._asdict() for name, digest in digests.values()},
        tensors=_tensors(conversion, zeros, on_bytes),
        qwen_tokenizer=conversion.published.qwen_tokenizer,
    )
    return Outcome(known.compare(digests, conversion.published.version), zeros)


class _Watched:
    """A source of the engine that notes the tensors whose every number is 0."""

    def __init__(self, source: JoinedSource, zeros: list[str]):
        self.shapes = source.shapes
        self._source, self._zeros = source, zeros

    def read(self, name: str) -> np.ndarray:
        array = self._source.read(name)
        with np.errstate(invalid="ignore"):  # the engine refuses what is no number
            if array.size > 1 and not array.any():
                self._zeros.append(name)
        return array


def _tensors(conversion: Conversion, zeros: list[str], on_bytes: OnBytes) -> Iterator[NetworkTensors]:
    for part in conversion.networks:
        own: list[str] = []
        watched = _Watched(part.source, own)

        def build(path: str, part: NetworkPlan = part, watched: _Watched = watched) -> np.ndarray:
            array = part.plan.assignments[path].build(watched)
            on_bytes(part.specs[path].nbytes)
            return cast(f"{part.name}/{path}", array, part.specs[path].dtype)

        yield NetworkTensors(part.name, part.specs, build)
        zeros += [f"{part.name}: {name}" for name in own]
        part.source.close()


def _check_room(output: pathlib.Path, conversion: Conversion) -> None:
    place = check_output(output)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    needed = conversion.bytes + (64 << 20)  # headers, tokenizer, and a little air
    if free < needed:
        raise CheckpointError(
            f"{output} needs {needed / 1e9:.1f} GB, but {place} has {free / 1e9:.1f} GB left; make room or choose "
            "another output folder."
        )


def _digests(published: Published, on_bytes: OnBytes) -> dict[str, tuple[str, Digest]]:
    """{what it is: (its name in the directory, size and SHA-256)} of every published file."""
    digests = {}
    try:
        for part, path in published.files.items():
            digests[part] = (_short(path), digest_file(path))
            on_bytes(digests[part][1].size)
    except OSError as error:
        raise CheckpointError(f"Cannot read {error.filename}: {error.strerror or error}.") from None
    return digests


def _short(path: pathlib.Path) -> str:
    """Unique within one checkpoint, and without the user's folders: two parts of the path."""
    return "/".join(path.parts[-2:]) if path.name in ("config.json", "model.safetensors") else path.name
