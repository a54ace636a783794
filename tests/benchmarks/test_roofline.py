"""The counting of products, against counts by hand and XLA's; the tables; what a precision changes."""

import jax
import jax.numpy as jnp
import pytest

from benchmarks import gpu_parts, roofline
from benchmarks.random_model import in_precision, model_of, random_params
from tests.models import PUBLISHED_2_5


def total(function, *inputs) -> tuple[float, float]:
    found = list(roofline.products(jax.make_jaxpr(function)(*inputs).jaxpr))
    return sum(p.times * p.flops for p in found), sum(p.times * p.nbytes for p in found)


def test_products_are_counted_as_often_as_they_run():
    x, w = jnp.zeros((3, 5)), jnp.zeros((5, 5))
    once = 2 * 3 * 5 * 5, 4 * (15 + 25 + 15)
    assert total(lambda x: x @ w, x) == once
    looped = total(lambda x: jax.lax.scan(lambda x, _: (jax.jit(jnp.matmul)(x, w), None), x, None, length=7)[0], x)
    assert looped == (7 * once[0], 7 * once[1])
    assert total(lambda x: jnp.sin(x) * 2, x) == (0, 0)


@pytest.mark.parametrize("groups", [1, 4])
def test_convolutions_are_counted_as_xla_counts_them(groups):
    def convolve(x, kernel):
        numbers = ("NWC", "WIO", "NWC")
        return jax.lax.conv_general_dilated(
            x, kernel, (2,), "VALID", dimension_numbers=numbers, feature_group_count=groups
        )

    inputs = jnp.zeros((2, 33, 8)), jnp.zeros((3, 8 // groups, 12))
    flops, _ = total(convolve, *inputs)
    assert flops == pytest.approx(jax.jit(convolve).lower(*inputs).cost_analysis()["flops"], rel=1e-6)


def test_a_product_takes_its_longer_side():
    device = roofline.Device(float32=100.0, half=1000.0, bandwidth=10.0)
    assert roofline.Product(500.0, 10.0, False, 2).seconds(device) == 10.0
    assert roofline.Product(500.0, 10.0, True, 2).seconds(device) == 2.0


@pytest.mark.parametrize("size, stages", [("tiny", 13), ("tiny-2.5", 11)])
def test_table_of_the_tiny_model(size, stages):
    """All stages are there, none is free, and more codes cost more in proportion, in slots of one size."""
    model = model_of(size)
    few, many = (
        roofline.analyse(roofline.workload(model, codes, 2.0, 10, 3, jnp.bfloat16), xla=False) for codes in (41, 81)
    )
    assert len(few) == stages and all(row["flops"] > 0 and row["bytes"] > 0 for row in few.values())
    assert many["decoder, codes"]["flops"] == 2 * few["decoder, codes"]["flops"]
    text = roofline.table(few, 1.0)
    assert text.count("\n") == stages + 2 and "H100, ms" in text and ("memory" in text or "arithmetic" in text)


def test_the_published_2_5_is_the_one_that_is_converted():
    assert model_of("published-2.5") == PUBLISHED_2_5


def test_only_the_chosen_networks_change():
    params = random_params(model_of("tiny"), ("gpt", "s2mel", "bigvgan"))
    half = in_precision(params, "float16", "bfloat16")
    assert half["gpt"]["conditioning"] is params["gpt"]["conditioning"]
    assert {leaf.dtype for leaf in jax.tree.leaves(half["gpt"]["speech_lm"])} == {jnp.dtype("float16")}
    assert {leaf.dtype for leaf in jax.tree.leaves(half["s2mel"]["dit"])} == {jnp.dtype("bfloat16")}
    assert {leaf.dtype for leaf in jax.tree.leaves(half["s2mel"]["length_regulator"])} == {jnp.dtype("float32")}


def test_figures_stand_beside_their_targets():
    report = {
        "device": "NVIDIA H100 80GB HBM3",
        "requests": {"1": {"real_time_factor": 0.04}},
        "ms_per_code": {"3 beams, bfloat16": {"ms_per_code": 1.2}, "1 beam, bfloat16": {"ms_per_code": 0.9}},
    }
    found = gpu_parts.targets(report)
    assert found == {"wanted": gpu_parts.TARGETS["H100"], "real_time_factor": 0.04, "ms_per_code": [1.2]}
    assert gpu_parts.targets({**report, "device": "another"}) == {}
