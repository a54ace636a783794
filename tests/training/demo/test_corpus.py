"""The demo corpus: speakers, the plan, and its making by a teacher that hums."""

import collections
import json
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from indextts2_jax.errors import IndexTTSError
from indextts2_jax.runtime import command_line
from indextts2_jax.training import utterances
from indextts2_jax.training.demo import corpus, plan, produce, sentences, speakers, symbols

from . import fake_teacher
from .test_corpus_sentences import source

PROSE = [
    *["The bus was late again.", "Could you pass me the pepper, please?", "We met Ann in Rome.", "No, not yet."],
    *["It rained all day, but nobody minded.", '"Come here," she said.', "Stop!", "Yes.", "Who is it for?"],
]


# --- speakers and plan --------------------------------------------------------------------------------------------


def test_no_part_of_the_training_speakers_is_kept_out():
    table = speakers.speakers(1.0, 0)
    seen = [speaker for speaker, _ in table if speaker.seen]
    parts = {voice for speaker in seen for voice, _ in speaker.voices}
    assert not parts & set(speakers.KEPT_OUT) and len(parts) == 24
    mixtures = [speaker for speaker in seen if len(speaker.voices) > 1]
    assert len(mixtures) >= 300 and {len(speaker.voices) for speaker in mixtures} == {2, 3}
    unseen = [speaker for speaker, _ in table if not speaker.seen]
    assert {speaker.name for speaker in unseen} >= set(speakers.KEPT_OUT) and len(unseen) == 24
    sets = [frozenset(name for name, _ in speaker.voices) for speaker, _ in table]
    assert len(set(sets)) == len(sets)  # a mixture kept out is no other weighting of a trained one
    for speaker, _ in table:
        assert sum(weight for _, weight in speaker.voices) == pytest.approx(1.0)
        assert min(weight for _, weight in speaker.voices) >= 0.2


def texts(number: int) -> list[str]:
    nouns = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "nrtslm"]
    return [f"The {nouns[i % 300]} and the {nouns[i // 300]}." for i in range(number)]


def test_the_plan_at_full_size():
    pool = texts(plan.size(1.0, 0))
    whole = plan.make_plan(pool, 1.0, 0)
    assert sorted(u.text for u in whole) == sorted(pool) and len({u.audio for u in whole}) == len(whole)
    assert all(0.9 <= u.speed <= 1.1 for u in whole)
    count = collections.Counter(u.speaker.name for u in whole)
    assert {name for name, number in count.items() if number >= 700} == set(speakers.MAIN)
    assert min(count[name] for name in speakers.TRAINED) >= 200
    assert min(number for name, number in count.items() if name.startswith("mix_")) >= 10
    valid = [u for u in whole if u.speaker.seen and u.split == "valid"]
    assert 0.015 < len(valid) / len(whole) < 0.025
    assert all(u.split == "valid" for u in whole if not u.speaker.seen)
    for start in range(0, 16000, 2000):  # any part is a fair sample
        part = whole[start : start + 2000]
        main = sum(u.speaker.name in speakers.MAIN for u in part) / len(part)
        assert abs(main - 6 * count["af_heart"] / len(whole)) < 0.05
        assert 15 < sum(u.split == "valid" and u.speaker.seen for u in part) < 75


def test_the_plan_follows_the_seed_and_repeated_or_short_texts_are_not_held_out():
    pool = [*texts(plan.size(0.02, 0) - 100), *["Yes, it is so."] * 60, *["No."] * 40]
    plans = [plan.make_plan(pool, 0.02, seed) for seed in (0, 0, 1)]
    assert plans[0] == plans[1] != plans[2]
    held = {u.text for u in plans[0] if u.split == "valid" and u.speaker.seen}
    assert not held & {"Yes, it is so.", "No."}


def test_a_saved_plan_is_read_again(tmp_path):
    whole = plan.make_plan(texts(plan.size(0.001, 0)), 0.001, 0)
    arguments = {"seed": 0, "scale": 0.001}
    assert plan.load_plan(tmp_path / "plan.jsonl", arguments) is None
    plan.save_plan(tmp_path / "plan.jsonl", whole, arguments)
    assert plan.load_plan(tmp_path / "plan.jsonl", arguments) == whole
    with pytest.raises(IndexTTSError, match="choose another folder"):
        plan.load_plan(tmp_path / "plan.jsonl", {"seed": 1, "scale": 0.001})
    (tmp_path / "plan.jsonl").write_text("{}\n{}\n")
    with pytest.raises(IndexTTSError, match="is damaged"):
        plan.load_plan(tmp_path / "plan.jsonl", arguments)
    assert not list(tmp_path.glob(".*"))


# --- the test sentences -------------------------------------------------------------------------------------------


def test_the_list_of_test_sentences_is_found_wherever_one_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = corpus.excluded(None)
    assert len(found) == 72 and "it rained all weekend but nobody seemed to mind" in found
    monkeypatch.setattr(corpus, "EXCLUDE", tmp_path / "absent.txt")
    with pytest.raises(IndexTTSError, match=r"absent\.txt, cannot be read"):
        corpus.excluded(None)


def test_a_list_of_ones_own(tmp_path):
    listed = tmp_path / "held.txt"
    listed.write_text("Come here, Ann!\n\nIt's late.\n")
    assert corpus.excluded(str(listed)) == {"come here ann", "it's late"}
    listed.write_text("\n")
    with pytest.raises(IndexTTSError, match="no sentence in it"):
        corpus.excluded(str(listed))
    with pytest.raises(IndexTTSError, match=r"missing\.txt"):
        corpus.excluded(str(tmp_path / "missing.txt"))


def test_the_readme_and_the_benchmark_name_the_same_list():
    assert corpus.EXCLUDE.name == "demo_sentences.txt" and corpus.EXCLUDE.parent.name == "benchmarks"
    assert corpus.EXCLUDE.is_file() and corpus.LEXICON.is_file()


# --- the corpus ---------------------------------------------------------------------------------------------------


@pytest.fixture
def fakes(monkeypatch, tmp_path):
    """The fake teacher, in this process, and a plan of a dozen utterances."""

    def few(scale, seed):
        heart = speakers.Speaker("af_heart", (("af_heart", 1.0),), True)
        mixture = speakers.Speaker("mix_000", (("af_heart", 0.4), ("am_michael", 0.6)), True)
        strangers = speakers.Speaker("newmix_00", (("af_sky", 0.5), ("am_echo", 0.5)), False)
        return [(heart, 5), (mixture, 2), (strangers, 2)]

    monkeypatch.setattr(plan, "speakers", few)
    monkeypatch.setattr(corpus, "source", lambda frontend: source())
    monkeypatch.setattr(corpus, "make_pool", lambda source, size, seed, banned: PROSE[:size])
    monkeypatch.setattr(produce.teacher, "Teacher", fake_teacher.FakeTeacher)
    monkeypatch.setattr(produce.teacher, "check", lambda folder: b"")
    return tmp_path / "corpus"


def run(folder: pathlib.Path, *more: str) -> int:
    arguments = [f"--output={folder}", f"--teacher={folder}", "--jobs=1", *more]
    return command_line.run(corpus.work, corpus.define, corpus.__doc__, arguments)


def rows(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_small_corpus_is_written(fakes, capsys):
    assert run(fakes) == 0
    assert "9 of 9 utterances" in capsys.readouterr().out
    seen, unseen = rows(fakes / "manifest.jsonl"), rows(fakes / "manifest_unseen.jsonl")
    assert {row["speaker"] for row in seen} == {"af_heart", "mix_000"} and len(seen) == 7
    assert {row["speaker"] for row in unseen} == {"newmix_00"} and {row["split"] for row in unseen} == {"valid"}
    assert sorted(row["text"] for row in seen + unseen) == sorted(PROSE)
    for row in seen + unseen:
        assert list(row) == ["audio", "text", "speaker", "split", "phones", "teacher"]
        given = row["teacher"]
        assert list(given) == ["voices", "speed", "spoken", "symbols", "durations"]
        info = soundfile.info(fakes / row["audio"])
        assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 22050, 1)
        ends = [end for _, end in row["phones"]]
        assert ends == sorted(ends) and ends[-1] == pytest.approx(info.duration, abs=1e-3)
        assert sum(given["durations"]) * 0.025 == pytest.approx(info.duration, abs=1e-3)
        assert symbols.symbols(given["spoken"].split(" ")) == given["symbols"]
        assert len(given["durations"]) == len(given["symbols"]) + 2
        assert row["phones"][0][0] == "pau"
    used = utterances.read_manifest(fakes / "manifest.jsonl")
    assert len(used) == 7 and all(utterance.phones for utterance in used)
    assert not list(fakes.rglob(".*"))


def test_a_corpus_is_resumed_after_a_kill(fakes, monkeypatch):
    assert run(fakes) == 0
    before = (fakes / "manifest.jsonl").read_bytes()
    listed = rows(fakes / "manifest.jsonl")
    lines = (fakes / "progress.jsonl").read_text().splitlines()
    cut = next(line for line in lines if listed[2]["audio"] in line)
    # one file is gone, one is cut, one line of the progress is; and there is what a kill leaves behind
    (fakes / listed[0]["audio"]).unlink()
    (fakes / listed[1]["audio"]).write_bytes((fakes / listed[1]["audio"]).read_bytes()[:40])
    (fakes / "progress.jsonl").write_text("\n".join([line for line in lines if line != cut] + [cut[:50]]))
    left = (fakes / listed[0]["audio"]).with_name(".1f2e3d4c.indextts2")  # of a writer that was killed
    left.mkdir()
    (left / "new").write_bytes(b"half")
    (fakes / "manifest.jsonl").unlink()
    made = []
    make = produce.make
    monkeypatch.setattr(produce, "make", lambda *arguments: made.append(arguments[-1].audio) or make(*arguments))
    monkeypatch.setattr(corpus, "make_pool", None)  # the plan that was written is followed
    assert run(fakes) == 0
    assert sorted(made) == sorted(row["audio"] for row in listed[:3])
    assert (fakes / "manifest.jsonl").read_bytes() == before
    assert not list(fakes.rglob(".*"))
    made.clear()
    assert run(fakes) == 0 and not made


def test_manifests_of_what_is_there(fakes):
    assert run(fakes, "--nospeak") == 0
    assert rows(fakes / "manifest.jsonl") == []
    assert run(fakes) == 0
    lines = (fakes / "progress.jsonl").read_text().splitlines()
    (fakes / "progress.jsonl").write_text("\n".join(lines[:5]))
    assert run(fakes, "--nospeak") == 0
    assert len(rows(fakes / "manifest.jsonl")) + len(rows(fakes / "manifest_unseen.jsonl")) == 4


def test_a_plan_with_a_test_sentence_is_refused(fakes, tmp_path, capsys):
    assert run(fakes) == 0
    held = tmp_path / "held.txt"
    held.write_text("We met Ann in Rome.\n")
    assert run(fakes, f"--exclude={held}") == 2
    assert "is to be left out: We met Ann in Rome." in capsys.readouterr().err
    assert run(fakes, "--seed=1") == 2
    assert "choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize(("peak", "seconds", "kept"), [(0.5, 1.0, True), (0.01, 1.0, False), (0.5, 16.0, False)])
def test_what_is_silent_or_too_long_is_dropped(tmp_path, peak, seconds, kept):
    frontend = produce.PhonemeFrontend(corpus.LEXICON)
    utterance = plan.Line("audio/x/0.flac", "Yes.", speakers.Speaker("x", (("x", 1.0),), True), 1.0, "train")
    tone = (peak * np.sin(np.arange(int(seconds * 24000)) / 20)).astype(np.float32)
    record = produce.make(tmp_path, frontend, lambda *given: (tone, np.array([1])), utterance)
    assert record.dropped is not kept and (tmp_path / "audio/x/0.flac").exists() is kept


def test_what_is_too_loud_is_made_quieter_not_cut(tmp_path):
    frontend = produce.PhonemeFrontend(corpus.LEXICON)
    utterance = plan.Line("audio/x/0.flac", "Yes.", speakers.Speaker("x", (("x", 1.0),), True), 1.0, "train")
    tone = (1.3 * np.sin(np.arange(24000) / 20)).astype(np.float32)
    produce.make(tmp_path, frontend, lambda *given: (tone, np.array([1])), utterance)
    samples, _ = soundfile.read(tmp_path / "audio/x/0.flac")
    assert np.abs(samples).max() == pytest.approx(0.99, abs=1e-3)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.99 / np.sqrt(2), abs=0.01)  # still a sine


def test_the_teachers_error_is_one_line(fakes, monkeypatch, capsys):
    def fail(self, symbols, voices, speed):
        raise IndexTTSError("The teacher is\nhoarse.")

    monkeypatch.setattr(fake_teacher.FakeTeacher, "speak", fail)
    assert run(fakes) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: The teacher is hoarse."


def test_command_line_errors(tmp_path, monkeypatch, capsys):
    assert command_line.run(corpus.work, corpus.define, None, []) == 2
    assert run(tmp_path, "--scale=0") == 2
    monkeypatch.setattr(corpus, "WORDNET", tmp_path)
    assert run(tmp_path / "out") == 2
    assert "apt-get install wordnet-base fortunes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


FOLLOWER = """
import os, sys, time
from indextts2_jax.training.demo import produce
import threading
threading.Thread(target=produce._follow, args=(int(sys.argv[1]),), daemon=True).start()
time.sleep(60)
"""
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_workers_do_not_outlive_a_killed_parent():
    with subprocess.Popen([sys.executable, "-c", PARENT, FOLLOWER], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(300):
        try:
            produce.os.kill(child, 0)
        except ProcessLookupError:
            return
        if pathlib.Path(f"/proc/{child}/stat").exists() and " Z " in pathlib.Path(f"/proc/{child}/stat").read_text():
            return  # ended; whoever adopted it has not looked yet
        time.sleep(0.1)
    raise AssertionError("the worker goes on")


def test_keys_of_test_sentences_are_those_of_the_benchmark():
    assert sentences.key("Don't forget to lock the door when you leave.") in corpus.excluded(None)
