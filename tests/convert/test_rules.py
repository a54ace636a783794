"""The conversion engine is total: whatever does not fit exactly is one error that names all of it."""

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict

from convert import layouts
from convert.rules import Rule, apply, drop, plan, weight_norm
from indextts2_jax.errors import CheckpointError
from tests.conftest import MemorySource

RULES = [
    Rule("head.weight", "head/kernel", layouts.linear),
    Rule("layers.{i}.w.weight", "stack/kernel", layouts.linear, where={"i": range(2)}),
    drop("layers.{i}.w.weight", "unused layer", where={"i": range(2, 9)}),
    Rule(weight_norm("blocks.{n}.conv"), "block_{n}/kernel", layouts.conv1d_wn),
]


def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "head.weight": rng.normal(size=(3, 5)).astype(np.float32),
        **{f"layers.{i}.w.weight": rng.normal(size=(4, 4)).astype(np.float32) for i in range(3)},
        "blocks.0.conv.weight_v": rng.normal(size=(6, 2, 3)).astype(np.float32),
        "blocks.0.conv.weight_g": rng.normal(size=(6, 1, 1)).astype(np.float32),
    }


EXPECTED = {
    "head": {"kernel": jax.ShapeDtypeStruct((5, 3), np.float32)},
    "stack": {"kernel": jax.ShapeDtypeStruct((2, 4, 4), np.float32)},
    "block_0": {"kernel": jax.ShapeDtypeStruct((3, 2, 6), np.float32)},
}


def run(source, expected=EXPECTED, rules=RULES):
    memory = MemorySource(source)
    made = plan("net", rules, memory.shapes, expected)
    return made, unflatten_dict(dict(apply(made, memory)), sep="/")


def test_fills_every_parameter():
    source = tensors()
    made, params = run(source)
    np.testing.assert_array_equal(params["head"]["kernel"], source["head.weight"].T)
    np.testing.assert_array_equal(params["stack"]["kernel"][1], source["layers.1.w.weight"].T)
    v, g = source["blocks.0.conv.weight_v"], source["blocks.0.conv.weight_g"]
    folded = v * g / np.linalg.norm(v.reshape(6, -1), axis=1)[:, None, None]
    np.testing.assert_allclose(params["block_0"]["kernel"], folded.transpose(2, 1, 0), rtol=1e-6)
    assert made.dropped == {"layers.2.w.weight": "unused layer"} and made.used == 5
    assert set(flatten_dict(params)) == set(flatten_dict(EXPECTED))


@pytest.mark.parametrize("name", [n for n in tensors() if n != "layers.2.w.weight"])
def test_a_missing_tensor_is_named(name):
    source = tensors()
    del source[name]
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        run(source)


@pytest.mark.parametrize("name", list(tensors()))
def test_a_renamed_tensor_is_named(name):
    source = tensors()
    source[name + "x"] = source.pop(name)
    with pytest.raises(CheckpointError, match=f"unknown tensor {name}x"):
        run(source)


@pytest.mark.parametrize("name", [n for n in tensors() if n != "layers.2.w.weight"])
def test_a_misshapen_tensor_is_named(name):
    source = tensors()
    source[name] = np.concatenate([source[name], source[name]])
    with pytest.raises(CheckpointError, match=name.split("weight")[0]):
        run(source)


def test_all_offenders_are_listed_at_once():
    source = tensors()
    del source["head.weight"], source["layers.0.w.weight"]
    source["stray"] = np.zeros(3, np.float32)
    with pytest.raises(CheckpointError) as caught:
        run(source)
    for name in ("head.weight", "layers.0.w.weight", "stray"):
        assert name in str(caught.value)


def test_two_rules_for_one_tensor():
    with pytest.raises(CheckpointError, match="matched by 2 rules"):
        run(tensors(), rules=[*RULES, drop("head.weight", "twice")])


def test_a_parameter_that_no_rule_fills():
    expected = {**EXPECTED, "extra": {"bias": jax.ShapeDtypeStruct((2,), np.float32)}}
    with pytest.raises(CheckpointError, match="no rule fills the parameter extra/bias"):
        run(tensors(), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_numbers_are_refused(bad):
    source = tensors()
    source["head.weight"][1, 1] = bad
    with pytest.raises(CheckpointError, match=r"head\.weight holds NaN"):
        run(source)
