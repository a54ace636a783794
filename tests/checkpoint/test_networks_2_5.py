"""The networks of IndexTTS-2.5 have exactly the published tensors, and a wrong tensor is refused by name."""

import dataclasses
import importlib
import json

import pytest
from flax.traverse_util import flatten_dict

from convert.rules import plan
from indextts2_jax.checkpoint import networks
from indextts2_jax.errors import CheckpointError
from tests.models import PUBLISHED_2_5, SMALL_2_5

MODELS = {"full": PUBLISHED_2_5, "small": SMALL_2_5}
OWN = {"gpt": 456, "semantic_codec": 243}
"""Networks of other tensors than IndexTTS-2's, and how many the published files have."""


def with_encoder(model):
    return dataclasses.replace(model, semantic_codec=dataclasses.replace(model.semantic_codec, encoder=True))


def manifest(shared, network: str, size: str) -> dict[str, tuple[int, ...]]:
    folder = shared / "manifests" / ("v2_5" if network in OWN else ".")
    tensors = json.loads((folder / f"{network}.{size}.json").read_text())["tensors"]
    return {name: tuple(shape) for name, (shape, _) in tensors.items()}


def rules(network, model):
    return importlib.import_module(f"convert.maps.{network}").rules(model)


def planned(network, model, tensors):
    return plan(network, rules(network, model), tensors, networks.shapes(network, model))


@pytest.mark.parametrize("size", MODELS)
@pytest.mark.parametrize("network", [*OWN, "s2mel"])
def test_published_tensors_fill_the_network(network, size, shared):
    published = manifest(shared, network, size)
    made = planned(network, MODELS[size], published)
    assert set(made.assignments) == set(flatten_dict(networks.shapes(network, MODELS[size]), sep="/"))
    assert made.used + len(made.dropped) == len(published) and all(made.dropped.values())
    if size == "full" and network in OWN:
        assert len(published) == OWN[network]
    if network == "semantic_codec":
        assert made.used == {"full": 122, "small": 41}[size]
        assert planned(network, with_encoder(MODELS[size]), published).used == len(published)


def test_what_synthesis_does_not_use_is_dropped(shared):
    dropped = planned("s2mel", SMALL_2_5, manifest(shared, "s2mel", "small")).dropped
    assert sum(name.startswith("models.gpt_layer") for name in dropped) == 6
    dropped = planned("semantic_codec", PUBLISHED_2_5, manifest(shared, "semantic_codec", "full")).dropped
    assert len(dropped) == 121
    assert {name.split(".")[0] for name in dropped} == {"encoder", "down", "quantizer"}


@pytest.mark.parametrize("network", [*OWN, "s2mel"])
def test_every_wrong_tensor_is_refused_by_name(network, shared):
    """Each that is used is taken away, renamed and transposed once."""
    model = with_encoder(SMALL_2_5)
    published, table, expected = (
        manifest(shared, network, "small"),
        rules(network, model),
        networks.shapes(network, model),
    )
    made = plan(network, table, published, expected)
    used = {name for item in made.assignments.values() for names in item.entries for name in names}
    step = 1 if network != "s2mel" else 9  # s2mel has IndexTTS-2's table, but for the latents
    for name in sorted(used)[::step]:
        shape = published[name]
        rest = {key: value for key, value in published.items() if key != name}
        with pytest.raises(CheckpointError) as caught:
            plan(network, table, {**rest, f"stray.{name}": shape}, expected)
        assert f"unknown tensor stray.{name}" in str(caught.value)
        missing = [part for part in str(caught.value).split("; ") if "missing tensor" in part]
        assert any(name in part for part in missing), caught.value
        turned = shape[::-1] if len(shape) > 1 and shape[::-1] != shape else (*shape, 2)
        named = name.removesuffix("weight_g")  # whose partner is named, and its shape
        with pytest.raises(CheckpointError, match=named.replace(".", r"\.")):
            plan(network, table, {**rest, name: turned}, expected)


def test_a_model_of_2_keeps_its_bytes(tmp_path):
    """config.json of an IndexTTS-2 has no key that came later, and so the same identity as ever."""
    from indextts2_jax.checkpoint.header import LATER, stored
    from indextts2_jax.config import ModelConfig, from_dict

    plain, later = stored(ModelConfig()), stored(PUBLISHED_2_5)
    for key in LATER:
        network, name = key.split(".")
        assert name not in plain[network] and name in later[network]
    assert from_dict(ModelConfig, plain) == ModelConfig() and from_dict(ModelConfig, later) == PUBLISHED_2_5
