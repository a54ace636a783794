"""Every network at the published size has exactly the published tensors: each name, each shape."""

import dataclasses
import importlib
import json

import pytest
from flax.traverse_util import flatten_dict

from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.config import QwenConfig
from indextts2_jax.errors import CheckpointError
from tests.models import PUBLISHED, SMALL

EXTRA = {  # tensors that the published layout keeps in files of their own
    "w2v_bert": {"stats.mean": (1024,), "stats.var": (1024,)},
}
COMPONENTS = ("w2v_bert", "semantic_codec", "campplus", "gpt", "s2mel", "bigvgan")


def manifest(shared, network: str, size: str) -> dict[str, tuple[int, ...]]:
    tensors = json.loads((shared / "manifests" / f"{network}.{size}.json").read_text())["tensors"]
    return {name: tuple(shape) for name, (shape, _) in tensors.items()} | EXTRA.get(network, {})


@pytest.mark.parametrize("size", ["full", "small"])
@pytest.mark.parametrize("network", COMPONENTS)
def test_published_tensors_fill_the_network(network, size, shared):
    model = {"full": PUBLISHED, "small": SMALL}[size]
    published = manifest(shared, network, size)
    expected = networks.shapes(network, model)
    table = importlib.import_module(f"convert.maps.{network}").rules(model)
    made = plan(network, table, published, expected)
    assert set(made.assignments) == set(flatten_dict(expected, sep="/"))
    used = {name for item in made.assignments.values() for names in item.entries for name in names}
    assert used | set(made.dropped) == set(published) and not used & set(made.dropped)
    assert all(made.dropped.values()), "every dropped tensor needs its reason"


def test_published_tensors_fill_the_emotion_classifier(shared):
    model = dataclasses.replace(PUBLISHED, qwen=QwenConfig())
    published, expected = manifest(shared, "qwen", "full"), networks.shapes("qwen", model)
    made = plan("qwen", importlib.import_module("convert.maps.qwen").rules(model), published, expected)
    assert set(made.assignments) == set(flatten_dict(expected, sep="/")) and made.used == len(published) == 310
    with pytest.raises(CheckpointError, match=r"model\.layers\.27\.mlp\.up_proj\.weight"):
        lacking = {name: shape for name, shape in published.items() if name != "model.layers.27.mlp.up_proj.weight"}
        plan("qwen", importlib.import_module("convert.maps.qwen").rules(model), lacking, expected)


@pytest.mark.parametrize("network", COMPONENTS)
def test_every_single_published_tensor_is_needed_or_known(network, shared):
    """Take each used tensor away, one at a time: the error names it. Rename it: the error names the new name."""
    published = manifest(shared, network, "small")
    expected = networks.shapes(network, SMALL)
    table = importlib.import_module(f"convert.maps.{network}").rules(SMALL)
    made = plan(network, table, published, expected)
    used = sorted({name for item in made.assignments.values() for names in item.entries for name in names})
    for name in used[:: max(1, len(used) // 25)]:
        rest = {key: shape for key, shape in published.items() if key != name}
        with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
            plan(network, table, rest, expected)
        with pytest.raises(CheckpointError, match="unknown tensor stray"):
            plan(network, table, {**rest, f"stray.{name}": published[name]}, expected)
