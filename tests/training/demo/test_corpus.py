"""The demo corpus: sentences, the plan, the phones' times; with flite, two dozen real utterances."""

import collections
import json
import pathlib
import random
import shutil

import numpy as np
import pytest
import soundfile

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.training.demo import corpus, sentences

needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed (apt-get install flite)")
needs_texts = pytest.mark.skipif(
    not (corpus.WORDNET / "cntlist.rev").exists() or not corpus.FORTUNES.is_dir(),
    reason="no texts (apt-get install wordnet-base fortunes)",
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Exhale when you lift the weight", "Exhale when you lift the weight."),
        ("hold your breath!", "Hold your breath!"),
        ("a well-known  man, isn't he?", "A well known man, isn't he?"),
        ("We met Ann in Rome", "We met Ann in Rome."),
        ("two words", None),  # too short
        (" ".join(["word"] * 21), None),  # too long
        ("it cost 5 dollars", None),
        ("ask Mr. Smith about it", None),
        ("the U.S. is a country", None),
        ("the NASA people came", None),
        ("he said: come here", None),
        ("a caf\u00e9 in Paris", None),
        ("hmm that is good", None),  # a word without vowels
        ("the 'quoted' word here", None),
        ("The Rise And Fall Of Rome", None),  # a title
        ("option b is better", None),
    ],
)
def test_clean_keeps_plain_prose_only(raw, expected):
    assert sentences.clean(raw) == expected


def test_words_and_key_ignore_case_and_punctuation():
    assert sentences.words("I'm here, Ann.") == ["i'm", "here", "ann"]
    assert sentences.key("Come here, Ann!") == sentences.key("come here ann")


def test_wordnet_examples(tmp_path):
    (tmp_path / "data.verb").write_text(
        "  1 This software and database is licensed\n"
        '00004227 29 v 01 exhale 0 000 | expel air; "Exhale when you lift"; "one two"; "She left. He wept a lot."\n'
        '00004228 29 v 01 hold 0 000 | keep; "exhale, when you lift!"; "the 3 of us went"\n'
    )
    (tmp_path / "index.verb").write_text('| "this file is not read"\n')
    assert sentences.wordnet_sentences(tmp_path) == ["Exhale when you lift.", "He wept a lot."]


def test_fortunes(tmp_path):
    (tmp_path / "wisdom").write_text(
        "A stitch in time\nsaves nine.  Who would have\tthought so?\n\t\t-- Some Wise Man said this.\n%\n"
        'int main() { return 0; }\n%\nTHE END OF ALL.\n%\n"Do not feed the bears."\n%\nno capital here at all.\n'
    )
    (tmp_path / "wisdom.dat").write_text("This is an index.")
    (tmp_path / "ethnic").write_text("This file is left out.")
    expected = ["A stitch in time saves nine.", "Who would have thought so?", "Do not feed the bears."]
    assert sentences.fortune_sentences(tmp_path) == expected


def test_words_are_ranked_by_tags_and_by_use_and_names_keep_their_capital(tmp_path):
    counts = tmp_path / "cntlist.rev"
    senses = ["house%1:06:00:: 1 50", "house%1:06:01:: 2 50", "big_house%1:06:00:: 1 80", "xiv%5:00:00:: 1 80"]
    counts.write_text("\n".join([*senses, "rare%3:00:00:: 1 1"]))
    used = ["We saw Paris, horses in Paris.", "No horses in Paris.", "Give me horses in it."]
    best = sentences.ranked_words(counts, used, 3)
    assert best == ["house", "horses", "Paris"]
    assert "rare" in sentences.ranked_words(counts, used, 99)


def test_templates_are_clean_different_and_the_same_for_the_same_seed():
    made = sentences.template_sentences(500, random.Random("x"))
    assert made == sentences.template_sentences(500, random.Random("x"))
    assert len({sentences.key(s) for s in made}) == len(made) == 500
    assert all(sentences.clean(s) == s for s in made)
    assert max(len(sentences.words(s)) for s in made) > 13


def test_word_string_says_its_words():
    content = ["garden", "Monday", "seven"]
    for seed in range(20):
        made = sentences.word_string(content, random.Random(seed))
        assert sentences.clean(made) == made
        assert [w for w in sentences.words(made) if w in ("garden", "monday", "seven")] == ["garden", "monday", "seven"]


# No vowelless letter among them, so that every combination is a speakable word.
NOUNS = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "nrt"]


def _harvest() -> list[str]:
    rng = random.Random(1)
    return [" ".join(rng.choices(NOUNS, k=length)).capitalize() + "." for length in range(3, 21) for _ in range(60)]


def test_the_pool_leaves_out_what_is_held_back_and_says_every_word():
    harvest = _harvest()
    common = NOUNS[:40]
    pool = corpus.make_pool(harvest, common, 400, 0, set())
    assert len(pool) == len({sentences.key(s) for s in pool}) == 400
    said = collections.Counter(word for s in pool for word in sentences.words(s))
    assert min(said[word] for word in common) >= 3
    held_back = {sentences.key(s) for s in pool[:50]}
    again = corpus.make_pool(harvest, common, 400, 0, held_back)
    assert len(again) == 400 and not held_back & {sentences.key(s) for s in again}


def test_pool_and_plan_follow_the_seed():
    pools = [corpus.make_pool(_harvest(), NOUNS[:40], 300, seed, set()) for seed in (0, 0, 1)]
    assert pools[0] == pools[1] != pools[2]
    plans = [corpus.make_plan(pools[0], 0.02, seed) for seed in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]


def test_the_plan_at_full_size():
    pool = [f"{a} {b} {c}".capitalize() + "." for a in NOUNS[:30] for b in NOUNS[:30] for c in NOUNS[:14]][:12204]
    plan = corpus.make_plan(pool, 1.0, 0)
    assert len({u.text for u in plan}) == len({u.audio for u in plan}) == len(plan) == 12204
    training = [u for u in plan if u.seen]
    by_speaker = collections.Counter(u.voice.name for u in training)
    assert (by_speaker["rms"], by_speaker["awb"], by_speaker["slt"], by_speaker["kal16"]) == (4000, 2600, 3200, 400)
    assert list(by_speaker.values()).count(45) == 40
    valid = collections.Counter(u.voice.name for u in training if u.split == "valid")
    assert set(valid) == set(by_speaker) and valid["rms"] == 80
    unseen = collections.Counter(u.voice.name for u in plan if not u.seen)
    assert unseen.pop("newcomer") == 180 and list(unseen.values()) == [6] * 4
    first = collections.Counter(u.voice.base for u in plan[:1000])  # any prefix is a fair sample
    assert abs(first["rms"] / 1000 - sum(u.voice.base == "rms" for u in plan) / len(plan)) < 0.05


def test_the_voices_cover_pitch_and_formants_and_the_strangers_lie_between():
    seen, unseen = (dict(part) for part in corpus.voices())
    pitches = [v.f0 for v in seen if v.f0]
    formants = [v.formants for v in seen]
    assert min(pitches) <= 85 and max(pitches) >= 255
    assert min(formants) == 0.85 and max(formants) == 1.18
    for voice in unseen:
        assert 0.85 < voice.formants < 1.18 and voice not in seen
        assert voice.f0 is None or min(pitches) < voice.f0 < max(pitches)


def test_flite_is_asked_for_the_opposite_of_what_resampling_does():
    voice = corpus.Voice("x", "slt", formants=1.25, f0=200.0, tempo=0.9)
    assert " ".join(voice.options()) == "-voice slt --setf int_f0_target_mean=160.00 --setf duration_stretch=1.1250"
    assert corpus.Voice("rms", "rms").options() == ["-voice", "rms"]


def test_phone_times_shrink_with_the_audio():
    phones = corpus.parse_phones("pau:0.200 dh:0.400 ax:1.000 pau:1.203 \n")
    assert phones == [("pau", 0.2), ("dh", 0.4), ("ax", 1.0), ("pau", 1.203)]
    assert corpus.scale_phones(phones, 1.25, 0.961) == [("pau", 0.16), ("dh", 0.32), ("ax", 0.8), ("pau", 0.961)]


def test_excluded_file(tmp_path, monkeypatch):
    listed = tmp_path / "held.txt"
    listed.write_text("Come here, Ann!\n\nIt's late.\n")
    assert corpus.excluded(str(listed)) == {"come here ann", "it's late"}
    with pytest.raises(IndexTTSError, match=r"missing\.txt"):
        corpus.excluded(str(tmp_path / "missing.txt"))
    monkeypatch.chdir(tmp_path)
    assert corpus.excluded(None) == set()  # the default file may be absent


def test_command_line_errors(tmp_path, monkeypatch, capsys):
    assert corpus.main([]) == 2
    assert "--output is missing" in capsys.readouterr().err
    assert corpus.main(["--output=x", "--scale=0"]) == 2
    assert "scale" in capsys.readouterr().err
    monkeypatch.setattr(corpus.shutil, "which", lambda name: None)
    assert corpus.main([f"--output={tmp_path / 'out'}"]) == 2
    assert "apt-get install flite" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@needs_flite
def test_tempo_and_formants_are_changed_as_asked():
    plain = corpus.Voice("slt", "slt")
    changed = corpus.Voice("x", "slt", formants=0.9, f0=150.0, tempo=1.1)
    samples, phones = corpus.speak("flite", plain, "The river is cold today.")
    other, moved = corpus.speak("flite", changed, "The river is cold today.")
    assert samples.dtype == other.dtype == np.int16
    assert len(other) / len(samples) == pytest.approx(1.1, abs=0.01)
    assert [name for name, _ in phones] == [name for name, _ in moved]
    ends = np.array([[a, b] for (_, a), (_, b) in zip(phones, moved, strict=True)])
    np.testing.assert_allclose(ends[:, 1], 1.1 * ends[:, 0], atol=0.01)
    assert (np.diff(ends, axis=0) > 0).all()


@needs_flite
@needs_texts
def test_a_small_corpus_is_written_and_resumed(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "corpus"
    arguments = [f"--output={folder}", "--scale=0.001", "--seed=3"]
    assert corpus.main(arguments) == 0
    assert "training" in capsys.readouterr().out
    rows = _rows(folder / "manifest.jsonl")
    strangers = _rows(folder / "manifest_unseen.jsonl")
    assert {row["speaker"] for row in strangers} >= {"newcomer", "slt_u00"}
    for row in rows + strangers:
        assert list(row) == ["audio", "text", "speaker", "split", "phones"]
        samples, rate = soundfile.read(folder / row["audio"], dtype="int16")
        ends = [end for _, end in row["phones"]]
        assert rate == 16000 and samples.ndim == 1 and np.abs(samples).max() > 1000
        assert ends == sorted(ends) and ends[-1] == pytest.approx(len(samples) / rate, abs=0.006)
        assert row["phones"][0][0] == "pau" and sentences.clean(row["text"]) == row["text"]
    before = (folder / "manifest.jsonl").read_bytes()

    (folder / "manifest.jsonl").unlink()
    (folder / rows[0]["audio"]).unlink()
    (folder / rows[1]["audio"]).write_bytes(b"RIFF")
    made = []
    produce = corpus.produce
    monkeypatch.setattr(corpus, "produce", lambda flite, to, u: made.append(u.audio) or produce(flite, to, u))
    assert corpus.main(arguments) == 0
    assert sorted(made) == sorted(row["audio"] for row in rows[:2])
    assert (folder / "manifest.jsonl").read_bytes() == before
    assert not list(folder.rglob("*.part"))


def _rows(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]
