"""Stand-ins for the networks and their tables (see fake_checkpoint.py)."""

import pytest

from convert import write
from indextts2_jax import networks
from tests.convert import fake_checkpoint


@pytest.fixture
def fake_networks(monkeypatch, tmp_path_factory):
    """Tiny networks under the real names, and a cache folder of the test's own."""
    monkeypatch.setattr(networks, "NETWORKS", fake_checkpoint.initialisers())
    monkeypatch.setattr(write, "rules_of", lambda network, model: fake_checkpoint.RULES[network])
    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def published(tmp_path, fake_networks):
    """A complete published directory of safetensors."""
    return fake_checkpoint.write_published(tmp_path / "published")
