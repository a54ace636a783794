"""A batch over the processes of a Ray cluster, on one machine or many: each holds a model and speaks what it is handed.

Every machine must see the checkpoint, the clips and the output folder under the same paths. A cluster that runs already
is used where RAY_ADDRESS names it; otherwise one is started here and ends with this process.

Source of the pattern: Ray Data's batch inference, a class as the actor (docs.ray.io, Data, "End-to-end: offline batch
inference").
"""

import dataclasses
import json
import logging
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from indextts2_jax.commands.batch.rows import Row
from indextts2_jax.config import Config, from_dict, to_dict
from indextts2_jax.errors import ConfigError


class Actor:
    """`Speaker` as Ray Data wants it: columns in, columns out."""

    def __init__(self, checkpoint: str, config: dict[str, Any], output: str, at_once: int) -> None:
        from indextts2_jax import use_compilation_cache
        from indextts2_jax.commands.batch.speaker import Speaker

        use_compilation_cache()
        self.speaker = Speaker(checkpoint, from_dict(Config, config), pathlib.Path(output), at_once)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[str]]:
        rows = [row_from_json(str(text)) for text in batch["row"]]
        return {"entry": [json.dumps(entry) for entry in self.speaker.speak(rows)]}


def row_to_json(row: Row) -> str:
    return json.dumps({**dataclasses.asdict(row), "config": to_dict(row.config)})


def row_from_json(text: str) -> Row:
    values = json.loads(text)
    return Row(**{**values, "config": from_dict(Config, values["config"])})


def speak(
    rows: Sequence[Row], checkpoint: str, config: Config, output: pathlib.Path, at_once: int, workers: int
) -> Iterator[dict[str, Any]]:
    """The entries of the report, as they come; their order is not that of the rows.

    Args:
      workers: processes, each with a model. Where the cluster has GPUs, each takes one.
    Raises:
      ConfigError: Ray is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise ConfigError("--workers needs Ray: pip install 'indextts2_jax[ray]'.") from None
    output.mkdir(parents=True, exist_ok=True)
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    blocks = max(workers, -(-len(rows) // at_once))
    data = ray.data.from_items([{"row": row_to_json(row)} for row in rows], override_num_blocks=min(blocks, len(rows)))
    entries = data.map_batches(
        Actor,
        fn_constructor_args=(checkpoint, to_dict(config), str(output), at_once),
        batch_size=at_once,
        concurrency=workers,
        num_gpus=1 if ray.cluster_resources().get("GPU") else 0,
    )
    for item in entries.iter_rows():
        yield json.loads(item["entry"])
