"""A cache folder of the tests' own."""

import pytest

from tests.conftest import SCRATCH


@pytest.fixture(autouse=True)
def _cache(monkeypatch):
    monkeypatch.setenv("INDEXTTS2_CACHE", str(SCRATCH / "cache"))
