"""What a run carries from step to step, and its place on disk.

RUN/checkpoints/STEP   orbax: parameters (those that move), optimiser, moving average, step
RUN/best.safetensors   the exported network with the lowest validation loss so far
RUN/last.safetensors   the exported network at the end
"""

import pathlib
import shutil
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from indextts2_jax.array_typing import Array, Int, Params
from indextts2_jax.errors import TrainingError
from indextts2_jax.runtime.atomic import replaced_file


class TrainState(NamedTuple):
    step: Int[Array, ""]
    params: Params
    optimizer: Any
    average: Params
    """Exponential moving average of `params`, constant ones left out; empty where switched off."""


class Checkpoints:
    """The last two states of a run. A kill while one is written leaves the one before."""

    def __init__(self, run: pathlib.Path) -> None:
        folder = run.resolve() / "checkpoints"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left_over in folder.glob("*.orbax-checkpoint-tmp*"):  # of a killed writer; orbax would stumble over it
                shutil.rmtree(left_over, ignore_errors=True)
        except OSError as error:
            raise TrainingError(f"Cannot write the run's folder {run}: {error.strerror or error}.") from None
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
        self._manager = ocp.CheckpointManager(folder, options=options)
        self._folder = folder

    def save(self, state: TrainState) -> None:
        """Returns when the checkpoint is on the disk."""
        self._manager.save(int(state.step), args=ocp.args.StandardSave(state._asdict()))
        self._manager.wait_until_finished()

    def restore(self, like: TrainState) -> TrainState | None:
        """The last state, or None where there is none yet.

        Raises:
          TrainingError: the checkpoint is of another network or optimiser, or damaged.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like._asdict())
        try:
            found = self._manager.restore(step, args=ocp.args.StandardRestore(abstract))
            structures = [str(jax.tree.structure(tree)) for tree in (found, abstract)]
            if structures[0] != structures[1]:  # orbax leaves None where it has nothing
                raise ValueError("it lacks some of the parameters or of the optimiser's memory")
        except Exception as error:  # orbax and tensorstore raise a dozen types
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise TrainingError(
                f"The checkpoint {self._folder / str(step)} does not fit this configuration ({reason:.200}); "
                "choose another output folder, or remove it."
            ) from error
        return TrainState(**found)

    def close(self) -> None:
        self._manager.close()


def write_network(path: pathlib.Path, params: Params) -> None:
    """Saves a nested dict of arrays, whole or not at all. Raises `TrainingError` where it cannot be written."""
    flat = {name: np.asarray(leaf) for name, leaf in flatten_dict(params, sep="/").items()}
    try:
        with replaced_file(path) as new:
            save_file(flat, new)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"Cannot write the trained network {path}: {error}.") from None


def read_network(path: pathlib.Path) -> Params:
    """Raises `TrainingError` where the file is missing or damaged."""
    try:
        return unflatten_dict({name: jnp.asarray(leaf) for name, leaf in load_file(path).items()}, sep="/")
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"Cannot read the trained network {path}: {error}.") from None


def load_network(source: str, network: str) -> Params:
    """A network in float32 from an artefact, from a run's folder (its last, else its best), or from a file.

    Raises:
      TrainingError: absent or damaged. CheckpointError: an artefact that cannot be loaded.
    """
    path = pathlib.Path(source)
    if (path / "manifest.json").exists():
        from indextts2_jax.checkpoint.artefact import load_artefact

        params: Params = load_artefact(path, dtype="float32", only=(network,)).params[network]
        return params
    if path.is_dir():
        path = next(
            (path / f"{name}.safetensors" for name in ("last", "best") if (path / f"{name}.safetensors").exists()),
            path / "best.safetensors",
        )
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), read_network(path))
