"""The depthwise convolution equals XLA's grouped one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from indextts2_jax.nn.depthwise import DepthwiseConv


@pytest.mark.parametrize(("kernel", "padding"), [(7, (3, 3)), (31, (30, 0)), (4, (1, 2)), (3, (0, 0))])
@pytest.mark.parametrize("use_bias", [True, False])
def test_equals_the_grouped_convolution(kernel, padding, use_bias):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 40, 5)), jnp.float32)
    params = {"kernel": rng.normal(size=(kernel, 1, 5)).astype(np.float32)}
    if use_bias:
        params["bias"] = rng.normal(size=5).astype(np.float32)
    ours = DepthwiseConv(kernel, padding, use_bias).apply({"params": params}, x)
    theirs = jax.lax.conv_general_dilated(
        x, params["kernel"], (1,), [padding], dimension_numbers=("NWC", "WIO", "NWC"), feature_group_count=5
    )
    np.testing.assert_allclose(ours, np.asarray(theirs) + params.get("bias", 0.0), atol=1e-5)


def test_declares_one_filter_a_channel():
    variables = DepthwiseConv(7, (3, 3)).init(jax.random.key(0), jnp.zeros((1, 9, 6)))
    assert {name: leaf.shape for name, leaf in variables["params"].items()} == {"kernel": (7, 1, 6), "bias": (6,)}
