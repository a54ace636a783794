"""Rules without a grammar for what is not about numbers, and a cache of its own for what is."""

import pytest

from indextts2_jax.text import wetext
from tests.conftest import SCRATCH


@pytest.fixture(autouse=True)
def _cache(monkeypatch):
    monkeypatch.setenv("INDEXTTS2_CACHE", str(SCRATCH / "cache"))


@pytest.fixture
def plain_rules(monkeypatch):
    """Rules that change nothing and note what they were given, as (language, text)."""
    given = []

    def load(language):
        def rules(text: str) -> str:
            given.append((language, text))
            return text

        return rules

    monkeypatch.setattr(wetext, "load_rules", load)
    return given


@pytest.fixture
def grammars():
    """The pinned grammars; skips where they have no wheel."""
    pytest.importorskip("pynini", reason="WeTextProcessing has no wheel here")
