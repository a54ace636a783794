"""A book on the tiny model: a run that is killed, and goes on."""

import pytest

from indextts2_jax.books.book import TEXT, Block, Book, numbered
from indextts2_jax.books.narrate import narrate
from indextts2_jax.synthesis.synthesizer import IndexTTS2
from tests.tiny import tiny_synthesizer, tiny_voice

BOOK = Book("Book", (), "", numbered([("One", [Block(TEXT, "Good day.")]), ("Two", [Block(TEXT, "Good night.")])]))


class Killed(BaseException):
    pass


def test_a_run_that_goes_on_equals_one_that_was_not_disturbed(tmp_path, monkeypatch):
    tts, voice, spoken, speak = tiny_synthesizer(), tiny_voice(), [], IndexTTS2.speak
    whole = narrate(tts, BOOK, voice, tmp_path / "whole", seed=3)

    def mortal(self, checked, **options):
        spoken.append(checked.request.text)
        if len(spoken) == 2:
            raise Killed
        return speak(self, checked, **options)

    monkeypatch.setattr(IndexTTS2, "speak", mortal)
    with pytest.raises(Killed):
        narrate(tts, BOOK, voice, tmp_path / "again", seed=3)
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["001-One.flac"]
    again = narrate(tts, BOOK, voice, tmp_path / "again", seed=3)
    assert spoken == ["Good day.", "Good night.", "Good night."]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in whole]
