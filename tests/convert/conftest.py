"""Stand-ins for the networks and their tables (see fake_checkpoint.py)."""

import pytest

from convert import write
from indextts2_jax.checkpoint import networks
from tests.convert import fake_checkpoint


@pytest.fixture
def fake_networks(monkeypatch, tmp_path_factory):
    """Tiny networks under the real names, and a cache folder of the test's own."""
    monkeypatch.setattr(networks, "NETWORKS", fake_checkpoint.initialisers())
    real = write.rules_of  # of the emotion classifier, which is small enough as it is
    rules = fake_checkpoint.RULES
    monkeypatch.setattr(write, "rules_of", lambda name, model: rules[name] if name in rules else real(name, model))
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def published(tmp_path, fake_networks):
    """A complete published directory of safetensors."""
    return fake_checkpoint.write_published(tmp_path / "published")
