"""Rules without a grammar for what is not about numbers."""

import pytest

from indextts2_jax.text import wetext


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
