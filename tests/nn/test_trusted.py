"""Trusted parameters: the same results, nothing compared, and what is missing is still an error."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import errors

from indextts2_jax.nn.trusted import trusted_parameters


class Block(nn.Module):
    """A bit of everything: parameters in `setup`, in a compact method, in a scanned layer."""

    def setup(self) -> None:
        self.scale = self.param("scale", nn.initializers.ones, (4,))
        self.dense = nn.Dense(4)
        self.layers = nn.scan(Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)()

    def __call__(self, x):
        return self.layers(self.dense(x) * self.scale.reshape(1, 4))[0]


class Layer(nn.Module):
    @nn.compact
    def __call__(self, x):
        bias = self.param("bias", nn.initializers.normal(), (4,))
        return nn.Dense(4)(x) + bias[None], None


X = np.arange(8, dtype=np.float32).reshape(2, 4)
BLOCK = Block()


def run(params, trusted=True):
    if not trusted:
        return BLOCK.apply({"params": params}, X)
    with trusted_parameters():
        return BLOCK.apply({"params": params}, X)


@pytest.fixture(scope="module")
def params():
    return BLOCK.init(jax.random.key(0), X)["params"]


def test_the_results_are_the_same(params):
    np.testing.assert_array_equal(run(params), run(params, trusted=False))
    with trusted_parameters():
        again = BLOCK.init(jax.random.key(0), X)["params"]
    jax.tree.map(np.testing.assert_array_equal, again, params)


def test_shapes_are_compared_outside_only(params):
    wider = {**params, "scale": jnp.ones((1, 4))}
    np.testing.assert_array_equal(run(wider), run(params))
    with pytest.raises(errors.ScopeParamShapeError):
        run(wider, trusted=False)


def test_a_missing_parameter_is_an_error(params):
    lacking = {**params, "dense": {"bias": params["dense"]["bias"]}}
    for trusted in (True, False):
        with pytest.raises(errors.ScopeParamNotFoundError, match="kernel"):
            run(lacking, trusted)
