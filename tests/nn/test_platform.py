"""What is chosen by platform is chosen for where it will be computed."""

import jax
import jax.numpy as jnp

from indextts2_jax.gpt import kernels
from indextts2_jax.nn.platform import platform


def test_a_device_that_is_set_is_the_platform(monkeypatch):
    assert platform() == jax.default_backend()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    params = {"kernel": jnp.zeros(2)}
    assert platform() == "gpu" and kernels.chosen(params)
    with jax.default_device(jax.devices("cpu")[0]):
        assert platform() == "cpu" and not kernels.chosen(params)
    with jax.default_device("cpu"):
        assert platform() == "cpu"
