"""The artefact: one folder with all that synthesis needs, written whole or not at all and checked before use.

    NETWORK.safetensors   one a network (`networks.networks_of`); tensors named by their path, "a/b/kernel"
    tokenizer.model       the SentencePiece model
    qwen_tokenizer.json   only beside qwen.safetensors, the emotion classifier, which a model may be without
    config.json           {"format", "version", "model": every size, "dtype", "source": what it was made from,
                           "defaults": how the model is best used (`config.SETTINGS`); may be absent}
    manifest.json         {"format", "version", "files": {name: {"size", "sha256"}}} of all the others

Loading compares the size and SHA-256 of every file, and every tensor's name, shape and type with the networks. As this
takes seconds, a note in the user's cache folder remembers which files passed, by their sizes and times, and while these
stay the same only one of the large ones, another each time, is read again: bits that rot change neither. On a CPU the
parameters are views into the files: loading costs no memory of its own, and pages come in as they are needed.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from indextts2_jax.array_typing import Array, Params, Shaped
from indextts2_jax.checkpoint import digests, networks
from indextts2_jax.checkpoint.header import CONFIG, DTYPES, Header, parse_config, read_config, stored
from indextts2_jax.checkpoint.header import read_header as read_header
from indextts2_jax.checkpoint.tensors import Digest, Spec, map_tensors, release_pages, write_bytes, write_tensors
from indextts2_jax.config import Config, ModelConfig, check_fits, settings
from indextts2_jax.errors import CheckpointError, ConfigError
from indextts2_jax.runtime.atomic import replaced_folder

TOKENIZER, QWEN_TOKENIZER = "tokenizer.model", "qwen_tokenizer.json"


@dataclasses.dataclass(frozen=True)
class Artefact:
    """A loaded artefact. `params` is {network: nested dict of jax arrays of `dtype`}.

    The optional networks, which most requests never use, are host arrays as they are stored: views into the files.
    """

    model: ModelConfig
    params: Params
    tokenizer: bytes
    dtype: str
    model_id: str
    """Identity of the weights: equal for equal weights, wherever they lie and whatever they were converted from. The
    optional networks do not count: a voice sounds the same with and without them."""
    defaults: Config | None = None
    """How the model is best used; None where the artefact does not say."""
    qwen_tokenizer: bytes | None = None
    """Of the emotion classifier, where there is one."""
    views: Sequence[np.ndarray] = ()
    """Of the files, one or more of each."""

    def release_pages(self) -> None:
        """Gives back the memory of what was read so far: what is looked at again comes from the system's cache."""
        release_pages(self.views)


@dataclasses.dataclass(frozen=True)
class NetworkTensors:
    """A network to write: what its tensors will be, and a function that makes the one of a path when asked."""

    name: str
    specs: Mapping[str, Spec]
    build: Callable[[str], np.ndarray]


def expected_specs(network: str, model: ModelConfig, dtype: str) -> dict[str, Spec]:
    """Every parameter of a network by path; floating-point ones have the artefact's dtype.

    The optional ones were published in bfloat16: float32 would double their files and add nothing.

    Raises:
      CheckpointError: sizes that no network can have.
    """
    try:
        leaves = flatten_dict(networks.shapes(network, model), sep="/")
    except Exception as error:  # Flax and JAX raise a dozen types for sizes that do not go together
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"The configured sizes of {network} do not make a network: {reason}") from error
    if network in networks.OPTIONAL and dtype == "float32":
        dtype = "bfloat16"
    return {path: Spec(tuple(leaf.shape), _stored_dtype(leaf.dtype, dtype)) for path, leaf in leaves.items()}


def _stored_dtype(own: Any, dtype: str) -> np.dtype[Any]:
    return np.dtype(getattr(jnp, dtype)) if jnp.issubdtype(own, jnp.floating) else np.dtype(own)


# --- writing --------------------------------------------------------------------------------------------------


def write_artefact(
    folder: str | os.PathLike[str],
    *,
    model: ModelConfig,
    dtype: str,
    tokenizer: bytes,
    source: Mapping[str, Any],
    tensors: Iterable[NetworkTensors],
    defaults: Config | None = None,
    qwen_tokenizer: bytes | None = None,
) -> None:
    """Writes an artefact network by network and tensor by tensor; a kill leaves the former one or none.

    Args:
      folder: replaced if it is an artefact, an empty folder or absent (`check_output`).
      source: anything JSON; kept for whoever asks where the weights came from.
      tensors: consumed one at a time, so a generator holds one network's source at a time.
      defaults: the settings that the model is best used with; None writes none. Its model, seed and checkpoint are
        not kept.
      qwen_tokenizer: of the emotion classifier, exactly where the model has one.
    Raises:
      CheckpointError: `folder` is something else, or cannot be written. ConfigError: `defaults` beyond the model.
    """
    if defaults is not None:
        check_fits(defaults, model)
    if (model.qwen is None) != (qwen_tokenizer is None):
        raise CheckpointError("An emotion classifier and its tokenizer are written together or not at all.")
    target = check_output(folder)
    try:
        with replaced_folder(target) as new:
            files: dict[str, Digest] = {}
            for network in tensors:
                name = f"{network.name}.safetensors"
                files[name] = write_tensors(new / name, network.specs, network.build)
            config = {"model": stored(model), "dtype": dtype, "source": dict(source)}
            if defaults is not None:
                config["defaults"] = settings(defaults)
            files[TOKENIZER] = write_bytes(new / TOKENIZER, tokenizer)
            if qwen_tokenizer is not None:
                files[QWEN_TOKENIZER] = write_bytes(new / QWEN_TOKENIZER, qwen_tokenizer)
            files[CONFIG] = digests.write_json(new / CONFIG, config)
            digests.write(new, files)
    except OSError as error:
        raise CheckpointError(f"Cannot write the artefact {folder}: {error.strerror or error}.") from None


def save_artefact(
    folder: str | os.PathLike[str],
    *,
    model: ModelConfig,
    params: Params,
    tokenizer: bytes,
    dtype: str = "float32",
    source: Mapping[str, Any] | None = None,
    defaults: Config | None = None,
    qwen_tokenizer: bytes | None = None,
) -> None:
    """Writes parameters that are in memory, e.g. trained ones, as an artefact.

    Args:
      params: {network: nested dict of arrays}, every network of `networks.networks_of(model)`.
      dtype: what floating-point parameters are stored as.
      source, defaults, qwen_tokenizer: as of `write_artefact`.
    Raises:
      CheckpointError: parameters that are not those of `model`, numbers that are not finite, or as `write_artefact`.
    """
    parts, problems = [], []
    for name in networks.networks_of(model):
        specs, arrays = expected_specs(name, model, dtype), flatten_dict(params.get(name, {}), sep="/")
        found = {
            path: Spec(tuple(array.shape), specs[path].dtype if path in specs else array.dtype)
            for path, array in arrays.items()
        }
        problems += _differences(name, found, specs)
        parts.append(NetworkTensors(name, specs, functools.partial(_stored, name, arrays, specs)))
    if problems:
        raise CheckpointError(f"The parameters are not those of the model: {'; '.join(problems)}.")
    write_artefact(
        folder,
        model=model,
        dtype=dtype,
        tokenizer=tokenizer,
        source=source or {},
        tensors=parts,
        defaults=defaults,
        qwen_tokenizer=qwen_tokenizer,
    )


def _stored(network: str, arrays: Mapping[str, Any], specs: Mapping[str, Spec], path: str) -> np.ndarray:
    return cast(f"{network}/{path}", arrays[path], specs[path].dtype)


def cast(name: str, array: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """The array as `dtype`.

    Raises:
      CheckpointError: a number that is not finite, before or after.
    """
    source = np.asarray(array)
    with np.errstate(over="ignore"):
        stored = source.astype(dtype, copy=False)
    if jnp.issubdtype(dtype, jnp.floating) and not np.isfinite(stored).all():
        if np.isfinite(source).all():
            raise CheckpointError(f"{name} holds numbers too large for {dtype}; choose float32 or bfloat16.")
        raise CheckpointError(f"{name} holds NaN or infinite numbers.")
    return stored


def check_output(folder: str | os.PathLike[str]) -> pathlib.Path:
    """The resolved path, if an artefact may be written there: nothing, an empty folder, or an artefact of ours.

    Raises:
      CheckpointError: it holds anything else, which would be lost.
    """
    path = pathlib.Path(folder).resolve()
    try:
        if not path.exists():
            return path
        if not path.is_dir():
            raise CheckpointError(f"{folder} is a file; choose another output folder.")
        if path.is_mount():  # cannot be renamed
            raise CheckpointError(f"{folder} is a mount point; choose a folder below it.")
        own = {*_always(), *_sometimes(), digests.NAME}
        strangers = sorted({entry.name for entry in path.iterdir()} - own)
        if strangers:
            raise CheckpointError(
                f"{folder} holds other files ({', '.join(strangers[:3])}{', ...' if strangers[3:] else ''}), "
                "which would be lost; choose another output folder."
            )
    except FileNotFoundError:  # just being replaced by another writer
        return path
    except OSError as error:
        raise CheckpointError(f"Cannot use {folder} as the output folder: {error.strerror or error}.") from None
    return path


def _always() -> set[str]:
    """The files of every artefact, but for the manifest."""
    return {*(f"{network}.safetensors" for network in networks.NETWORKS), TOKENIZER, CONFIG}


def _sometimes() -> set[str]:
    """The files of the optional networks."""
    return {*(f"{network}.safetensors" for network in networks.OPTIONAL), QWEN_TOKENIZER}


# --- loading --------------------------------------------------------------------------------------------------


def load_artefact(
    folder: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    verify: bool = False,
    only: Collection[str] | None = None,
) -> Artefact:
    """Loads an artefact that `write_artefact` wrote. Every parameter is there and as expected, or nothing is loaded.

    Args:
      dtype: what floating-point parameters become, one of `DTYPES`; None leaves them as they are stored.
      verify: compares everything, even if these files passed before.
      only: the networks whose parameters are wanted; None for all of them.
    Raises:
      CheckpointError: missing, damaged, incomplete, or of another version. ConfigError: no such dtype.
    """
    if dtype not in (None, *DTYPES):
        raise ConfigError(f"dtype is {dtype!r}, but it must be one of {', '.join(DTYPES)}.")
    opened = _open(pathlib.Path(folder), verify)
    header = opened.header
    wanted = dtype or header.dtype
    params, samples = {}, []
    for network in list(opened.views):
        views = opened.views.pop(network)
        if only is not None and network not in only:
            continue
        samples.append(next(iter(views.values())))
        arrays: dict[str, Any] = dict(views)
        if network not in networks.OPTIONAL:
            arrays = {path: _device_array(view, wanted) for path, view in views.items()}
        params[network] = unflatten_dict(arrays, sep="/")
    return Artefact(
        header.model,
        params,
        opened.tokenizer,
        wanted,
        opened.model_id,
        header.defaults,
        qwen_tokenizer=opened.qwen_tokenizer,
        views=samples,
    )


def verify_artefact(folder: str | os.PathLike[str]) -> dict[str, int]:
    """Compares everything that loading compares, and every SHA-256, whatever was compared before.

    Returns:
      The size in bytes of every file.
    Raises:
      CheckpointError: missing, damaged, incomplete, or of another version.
    """
    _open(pathlib.Path(folder), verify=True)
    try:
        return {entry.name: entry.stat().st_size for entry in sorted(pathlib.Path(folder).iterdir())}
    except OSError as error:  # what is listed can be read, but the list cannot
        raise CheckpointError(f"Cannot read {folder}: {error.strerror or error}.") from None


@dataclasses.dataclass
class _Opened:
    header: Header
    tokenizer: bytes
    qwen_tokenizer: bytes | None
    model_id: str
    views: dict[str, dict[str, np.ndarray]]


def _open(folder: pathlib.Path, verify: bool) -> _Opened:
    config = read_config(folder)
    files = digests.read(folder, _always(), _sometimes())
    digests.compare(folder, {name: files[name] for name in (TOKENIZER, CONFIG)})
    header = parse_config(folder, config)
    has_qwen = header.model.qwen is not None
    if set(files) != _always() | (_sometimes() if has_qwen else set()):
        raise CheckpointError(f"{folder} does not hold what its config.json says; convert the checkpoint again.")
    large = {name: digest for name, digest in files.items() if name not in (TOKENIZER, CONFIG)}
    accepted = not verify and digests.was_accepted(folder, files, program_id())
    if accepted:
        digests.compare_one(folder, large)
    else:
        digests.compare(folder, large)
    views = {name: map_tensors(folder / f"{name}.safetensors") for name in networks.networks_of(header.model)}
    if not accepted:
        _check_views(folder, views, header.model, header.dtype)
        digests.remember(folder, files, program_id())
    qwen_tokenizer = (folder / QWEN_TOKENIZER).read_bytes() if has_qwen else None
    model_id = _identity(config["model"], files)
    return _Opened(header, (folder / TOKENIZER).read_bytes(), qwen_tokenizer, model_id, views)


def _identity(model: Mapping[str, Any], files: Mapping[str, Digest]) -> str:
    sizes = {name: value for name, value in model.items() if name not in networks.OPTIONAL}
    weights = {name: files[f"{name}.safetensors"].sha256 for name in networks.NETWORKS}
    identity = [sizes, {f"{name}.safetensors": sha256 for name, sha256 in weights.items()}]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def _check_views(
    folder: pathlib.Path, views: Mapping[str, Mapping[str, np.ndarray]], model: ModelConfig, dtype: str
) -> None:
    problems = []
    for network, tensors in views.items():
        found = {path: Spec(view.shape, view.dtype) for path, view in tensors.items()}
        problems += _differences(network, found, expected_specs(network, model, dtype))
    if problems:
        raise CheckpointError(f"{folder} does not fit its own config.json: {'; '.join(problems)}.")


@functools.cache
def program_id() -> str:
    """Changes with this package's sources: what one version of the networks accepts, another must look at again."""
    digest = hashlib.sha256(f"{jax.__version__} {flax.__version__}".encode())
    package = pathlib.Path(__file__).resolve().parent.parent
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] != "training":  # changes no network
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _differences(network: str, found: Mapping[str, Spec], wanted: Mapping[str, Spec]) -> list[str]:
    def text(spec: Spec) -> str:
        return f"{spec.dtype} {list(spec.shape)}"

    return [
        *(f"{network}/{path} is missing" for path in wanted if path not in found),
        *(f"{network}/{path} is unknown" for path in found if path not in wanted),
        *(
            f"{network}/{path} is {text(found[path])} instead of {text(wanted[path])}"
            for path in wanted
            if path in found and found[path] != wanted[path]
        ),
    ]


def _device_array(view: Shaped[np.ndarray, " *rest"], dtype: str) -> Shaped[Array, " *rest"]:
    """`device_put` borrows an aligned read-only buffer on the CPU, where `jnp.asarray` would copy it."""
    return jax.device_put(view.astype(_stored_dtype(view.dtype, dtype), copy=False))
