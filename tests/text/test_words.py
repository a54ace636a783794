"""Where the words of a segment are."""

import pytest

from indextts2_jax.text.frontend import words


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ("▁K AE1 T ▁IH0 Z ▁HH OW1 M .", ["K AE1 T", "IH0 Z", "HH OW1 M"]),
        ("▁S T AA1 P , ▁P L IY1 Z !", ["S T AA1 P", "P L IY1 Z"]),
        ("▁DON ' T ▁GO , ▁NOW ?", ["DON ' T", "GO", "NOW"]),
        ("▁ 你 ▁ 好 ▁ 。", [" 你", " 好"]),
        ("HE LLO ▁THERE", ["HE LLO", "THERE"]),
        ("▁... ▁A", ["A"]),
        (", .", []),
        ("", []),
    ],
)
def test_words(tokens, found):
    tokens = tokens.split()
    assert [" ".join(tokens[begin:end]).replace("▁", "") for begin, end in words(tokens)] == found
