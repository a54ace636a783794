"""What the tests of training share (nobody may write into it), and a compiler that hurries."""

import functools

import jax
import pytest

from indextts2_jax.checkpoint import networks
from tests.training import tiny_finetune
from tests.training.tiny import make_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="package")
def base(tmp_path_factory):
    """An artefact with random weights, to be fine-tuned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INDEXTTS2_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(networks, "shapes", functools.cache(networks.shapes))
        yield tiny_finetune.artefact(tmp_path_factory.mktemp("base") / "artefact")


@pytest.fixture(scope="package", autouse=True)
def _quick_compiler():
    """Most of the time goes into compiling; what is compiled runs for milliseconds."""
    former = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", former)
