"""The text rules as the tests of the front-ends have them."""

from tests.text.conftest import _cache, grammars  # noqa: F401
