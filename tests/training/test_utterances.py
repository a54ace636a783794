"""What a manifest may hold: everything else is one error that names the lines."""

import json

import numpy as np
import pytest
import soundfile

from indextts2_jax.errors import ManifestError
from indextts2_jax.training import utterances
from indextts2_jax.training.prepare import prepare
from indextts2_jax.training.utterances import ManifestRow, read_manifest
from tests.training.tiny import noise

GOOD = {"audio": "good.wav", "text": "The cat.", "speaker": "ann"}


@pytest.fixture
def folder(tmp_path):
    soundfile.write(tmp_path / "good.wav", noise(0, 1.0), 22050)
    return tmp_path


def write(folder, *rows):
    path = folder / "manifest.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_are_read_in_order(folder):
    phones = [["dh", 0.1], ["ax", 0.25]]
    path = write(folder, GOOD, "", GOOD | {"speaker": "bob", "split": "valid", "phones": phones, "language": "es"})
    first, second = read_manifest(path)
    assert first == ManifestRow(folder / "good.wav", "The cat.", "ann", "train", None)
    assert (second.speaker, second.split, second.phones) == ("bob", "valid", (("dh", 0.1), ("ax", 0.25)))
    assert (first.language, second.language) == (None, "es")


def test_audio_elsewhere(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    assert read_manifest(write(other, GOOD | {"audio": str(folder / "good.wav")}))[0].audio == folder / "good.wav"


def _clip(folder, case):
    path = folder / "bad.wav"
    if case == "wrong rate":
        soundfile.write(path, noise(0, 1.0, 2000), 2000)
    elif case == "no audio":
        path.write_text("This is no audio.")
    elif case == "too short":
        soundfile.write(path, noise(0, 0.4), 22050)
    elif case == "too long":
        soundfile.write(path, np.zeros(8000 * 16, np.int16), 8000)
    elif case == "folder":
        path.mkdir()
    return GOOD | {"audio": "bad.wav"}


BAD = {
    "missing file": ({**GOOD, "audio": "nowhere.wav"}, "nowhere.wav"),
    "wrong rate": (None, "2000 Hz"),
    "no audio": (None, "bad.wav"),
    "too short": (None, "0.400 s"),
    "too long": (None, "16.0 s"),
    "folder": (None, "folder"),
    "empty text": ({**GOOD, "text": "  "}, "'text'"),
    "no speaker": ({"audio": "good.wav", "text": "Yes."}, "'speaker'"),
    "speaker is a number": ({**GOOD, "speaker": 3}, "'speaker' is 3"),
    "no JSON": ("{'audio': 1}", "not JSON"),
    "no object": ("[1, 2]", "not a JSON object"),
    "bad split": ({**GOOD, "split": "test"}, "'split' is 'test'"),
    "no language": ({**GOOD, "language": "xx"}, "'language' is 'xx'"),
    "a language that is a number": ({**GOOD, "language": 5}, "'language' is 5"),
    "phones without times": ({**GOOD, "phones": ["dh", "ax"]}, "'phones'"),
    "phones are a number": ({**GOOD, "phones": 5}, "'phones'"),
    "times fall": ({**GOOD, "phones": [["dh", 0.2], ["ax", 0.1]]}, "'phones'"),
    "time before the start": ({**GOOD, "phones": [["dh", -0.1]]}, "'phones'"),
    "time is no number": ('{"audio": "good.wav", "text": "a", "speaker": "b", "phones": [["a", NaN]]}', "'phones'"),
    "no phones": ({**GOOD, "phones": []}, "'phones'"),
    "phone without a name": ({**GOOD, "phones": [["", 0.1]]}, "'phones'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named_and_nothing_is_written(case, folder):
    row, word = BAD[case]
    path = write(folder, GOOD, row or _clip(folder, case), GOOD)
    with pytest.raises(ManifestError) as caught:
        prepare(path, folder / "data")
    message = str(caught.value)
    assert "line 2:" in message and word in message and "\n" not in message
    assert message.count("line ") == 1 and not (folder / "data").exists()


def test_all_bad_rows_in_one_error(folder):
    bad = GOOD | {"text": ""}
    with pytest.raises(ManifestError) as caught:
        read_manifest(write(folder, bad, GOOD, *[bad] * 7))
    message = str(caught.value)
    assert [f"line {number}:" in message for number in (1, 3, 4, 5, 6)] == [True] * 5
    assert "(and 3 more rows)" in message and "\n" not in message


def test_the_longest_clip_is_read_to_its_end(folder):
    """`load_clip` reads 15 s of any clip: nothing longer may pass, or its text would go on without it."""
    assert utterances.MAX_SECONDS == 15
    soundfile.write(folder / "long.wav", noise(0, 15.0, 8000), 8000)
    path = write(folder, GOOD | {"audio": "long.wav"})
    assert prepare(path, folder / "data")["hours"] == pytest.approx(15 / 3600)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", None])
def test_no_manifest(content, tmp_path):
    path = tmp_path / "manifest.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ManifestError, match=r"manifest\.jsonl"):
        read_manifest(path)
    with pytest.raises(ManifestError):
        read_manifest(tmp_path)
