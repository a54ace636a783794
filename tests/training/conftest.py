"""One small data set for all tests of training (nobody may write into it), and a compiler that hurries."""

import jax
import pytest

from tests.training.tiny import make_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="package", autouse=True)
def _quick_compiler():
    """Most of the time goes into compiling; what is compiled runs for milliseconds."""
    former = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", former)
