"""`python -m indextts2_jax batch` on the tiny model: files, reports, resuming, bad lines, devices, a cluster."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from indextts2_jax import Emotion, IndexTTS2
from indextts2_jax.audio.write import to_int16, write_audio
from indextts2_jax.commands.batch import command
from indextts2_jax.commands.batch import rows as batch_rows
from indextts2_jax.config import replace
from indextts2_jax.errors import TextError
from tests.tiny import RATE, tiny_artefact, tiny_config, voice_clip

HOME = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An artefact and two clips."""
    folder = tmp_path_factory.mktemp("batch")
    tiny_artefact(folder / "tiny", defaults=replace(tiny_config(), model=None, random_seed=None))
    for name, pitch in (("low", 110.0), ("high", 190.0)):
        write_audio(folder / f"{name}.wav", voice_clip(1.5, pitch)[0], RATE)
    return folder


LINES = [
    {"text": "Hello there.", "speaker": "low.wav"},
    {"text": "One, two, three, four, five.", "speaker": "high.wav", "seed": 3, "output": "sub/five.wav"},
    {"text": "Hello there.", "speaker": "low.wav", "emotion": "sad:0.9"},
    {"text": "Six.", "speaker": "high.wav", "decode.max_mel_tokens": 9},
]


def write(place, lines, name="in.jsonl"):
    path = place / name
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def run(place, lines, output, *more):
    path = write(place, lines)
    return command.main(
        [f"--checkpoint={place / 'tiny'}", f"--input={path}", f"--output={output}", "--at_once=4", *more]
    )


def report(output):
    return [json.loads(line) for line in (output / "report.jsonl").read_text("utf-8").splitlines()]


def read(path):
    return soundfile.read(path, dtype="int16")[0]


def expected(place, line):
    tts = IndexTTS2.from_pretrained(place / "tiny")
    settings = {key: value for key, value in line.items() if "." in key}
    config = tts.config
    for key, value in settings.items():
        group, name = key.split(".")
        config = replace(config, **{group: {name: value}})
    emotion = Emotion(weights="sad:0.9") if "emotion" in line else None
    options = {"seed": line.get("seed", 0), "emotion": emotion, "config": config}
    return tts.synthesize(line["text"], place / line["speaker"], **options).audio


def test_every_line_is_what_it_is_alone(place, tmp_path):
    longest = max(LINES[:3], key=lambda line: len(expected(place, line)))
    natural = len(expected(place, longest)) / 22_050
    timed = {**longest, "output": "timed.flac", "duration.target_seconds": round(1.3 * natural, 2)}
    lines = [*LINES, timed]
    assert run(place, lines, tmp_path / "out") == 0, (tmp_path / "out" / "report.jsonl").read_text("utf-8")
    entries = {entry["line"]: entry for entry in report(tmp_path / "out")}
    assert sorted(entries) == [1, 2, 3, 4, 5] and all(entry["ok"] for entry in entries.values())
    names = ["000001.wav", "sub/five.wav", "000003.wav", "000004.wav", "timed.flac"]
    for number, (name, line) in enumerate(zip(names, lines, strict=True), 1):
        audio, alone = read(tmp_path / "out" / name), to_int16(expected(place, line))
        assert len(audio) == len(alone) and np.abs(audio.astype(int) - alone).max() <= 16, name
        entry = entries[number]
        assert entry["output"] == name and entry["seconds"] > 0
        assert entry["audio_seconds"] == pytest.approx(len(audio) / 22_050, abs=1e-3)
    wanted = round(timed["duration.target_seconds"] * 22_050)
    assert entries[1]["together"] == 3 and abs(len(read(tmp_path / "out" / "timed.flac")) - wanted) <= 1


def test_what_is_done_is_not_done_again(place, tmp_path, capsys):
    output = tmp_path / "out"
    assert run(place, LINES[:2], output) == 0
    stamps = {path: path.stat().st_mtime_ns for path in output.rglob("*.wav")}
    assert run(place, LINES[:2], output) == 0 and len(report(output)) == 2
    assert "2 of 2 lines were spoken before" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.wav")} == stamps
    (output / "000001.wav").unlink()  # lost: spoken again
    changed = [LINES[0], {**LINES[1], "seed": 4}]  # changed: spoken again
    assert run(place, changed, output) == 0
    assert [entry["line"] for entry in report(output)[2:]] == [2, 1] and (output / "000001.wav").exists()


def test_times_of_a_line(place, tmp_path):
    lines = [{**LINES[0], "times": "sub/a.srt"}, LINES[3]]
    assert run(place, lines, tmp_path) == 0
    seconds = len(read(tmp_path / "000001.wav")) / 22_050
    shown = (tmp_path / "sub" / "a.srt").read_text("utf-8")
    assert shown == f"1\n00:00:00,000 --> 00:00:00,{1000 * seconds:.0f}\nHello there.\n"
    by_word = [{**lines[0], "times_by": "word"}, lines[1]]  # changed: spoken again
    assert run(place, by_word, tmp_path) == 0
    assert [row for row in (tmp_path / "sub" / "a.srt").read_text("utf-8").split("\n") if row and "0" not in row] == [
        "1",
        "Hello",
        "2",
        "there.",
    ]
    lines = by_word
    (tmp_path / "sub" / "a.srt").unlink()
    assert run(place, lines, tmp_path) == 0
    assert [entry["line"] for entry in report(tmp_path)][2:] == [1, 1] and (tmp_path / "sub" / "a.srt").exists()


def test_settings_have_the_names_of_the_command_line(place, tmp_path):
    said = {"text": "Hello there.", "speaker": "low.wav"}
    named = {**said, "duration_factor": 1.5, "interval_silence": 100}
    assert run(place, [said, named, {**said, "duration.factor": 1.5}], tmp_path / "out") == 0
    plain, short, dotted = (read(tmp_path / f"out/00000{n}.wav") for n in (1, 2, 3))
    assert np.array_equal(short, dotted) and len(short) > len(plain)
    assert (
        next(
            iter(batch_rows.read_rows(write(place, [named]), tiny_config(), tiny_config().model))
        ).config.interval_silence_ms
        == 100
    )


BAD = [
    ("{", "not JSON"),
    ("[1]", "no JSON object"),
    ({"speaker": "low.wav"}, "text is empty"),
    ({"text": "Hi."}, "no speaker"),
    ({"text": "Hi.", "speaker": "none.wav"}, "none.wav"),
    ({"text": "Hi.", "speaker": "low.wav", "colour": 1}, "no key 'colour'"),
    ({"text": 5, "speaker": "low.wav"}, "wrong kind"),
    ({"text": "Hi.", "speaker": "low.wav", "seed": True}, "wrong kind"),
    ({"text": "Hi.", "speaker": "low.wav", "seed": -1}, "seed is -1"),
    ({"text": "Hi.", "speaker": "low.wav", "emotion": "merry:1"}, "merry"),
    ({"text": "Hi.", "speaker": "low.wav", "output": "../a.wav"}, "under the output folder"),
    ({"text": "Hi.", "speaker": "low.wav", "output": "a.mp3"}, "mp3"),
    ({"text": "Hi.", "speaker": "low.wav", "output": "good.wav"}, "that of line 1"),
    ({"text": "Hi.", "speaker": "low.wav", "decode.beams": 2}, "decode.beams"),
    ({"text": "Hi.", "speaker": "low.wav", "model.gpt.layers": 2}, "model.gpt.layers"),
    ({"text": "Hi.", "speaker": "low.wav", "duration.factor": 3.0}, "from 0.5 to 2"),
    ({"text": "Hi.", "speaker": "low.wav", "duration_factor": 3.0}, "from 0.5 to 2"),
    ({"text": "Hi.", "speaker": "low.wav", "redraw": "often"}, "redraw.attempts"),
    ({"text": "Hi.", "speaker": "low.wav", "redraw": 1, "redraw.attempts": 1}, "the same thing"),
    ({"text": "Hi. [pause:99s]", "speaker": "low.wav"}, "pause"),
    ({"text": "Hi.", "speaker": "low.wav", "emotion_from_text": True}, "classifier"),
]


def test_bad_lines_are_reported_and_stop_no_other(place, tmp_path, capsys):
    good = {"text": "Hello there.", "speaker": "low.wav", "output": "good.wav"}
    lines = [good, "", *(line for line, _ in BAD), {**good, "output": "last.wav"}]
    assert run(place, lines, tmp_path / "out") == 1
    entries = {entry["line"]: entry for entry in report(tmp_path / "out")}
    assert len(entries) == len(lines) - 1
    for number, (line, message) in enumerate(BAD, 3):
        assert not entries[number]["ok"] and message in entries[number]["error"], (line, entries[number])
    assert entries[1]["ok"] and entries[len(lines)]["ok"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.wav", "last.wav", "report.jsonl"]
    assert f"2 of {len(BAD) + 2} lines are spoken" in capsys.readouterr().out


def test_what_the_machine_cannot_do_stops_no_other(place, tmp_path, monkeypatch):
    """Out of memory together: line by line; out of memory with one line: an error of that line."""
    from indextts2_jax.pipeline import generation

    def out_of_memory(*args, **kwargs):
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    choose = generation.choose_codes
    monkeypatch.setattr(IndexTTS2, "speak_each", out_of_memory)
    monkeypatch.setattr(
        generation,
        "choose_codes",
        lambda *args, **kwargs: (out_of_memory if len(args[3][0].text_ids) > 8 else choose)(*args, **kwargs),
    )
    assert run(place, LINES[:3], tmp_path / "out") == 1
    entries = {entry["line"]: entry for entry in report(tmp_path / "out")}
    assert [entries[line]["ok"] for line in (1, 2, 3)] == [True, False, True]
    assert "RESOURCE_EXHAUSTED" in entries[2]["error"]


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyError("x"), RecursionError(), OSError(28, "no space")])
def test_no_error_of_a_line_stops_another(error, place, tmp_path, monkeypatch):
    """Not even one that nobody thought of: each is spoken by itself then."""
    honest = IndexTTS2.speak

    def speak(self, checked, **options):
        if checked.request.seed == 3:
            raise error
        return honest(self, checked, **options)

    def together(self, *_, **__):
        raise error

    monkeypatch.setattr(IndexTTS2, "speak", speak)
    monkeypatch.setattr(IndexTTS2, "speak_each", together)
    assert run(place, LINES[:2], tmp_path / "out") == 1
    entries = {entry["line"]: entry for entry in report(tmp_path / "out")}
    assert entries[1]["ok"] and not entries[2]["ok"] and type(error).__name__ in entries[2]["error"]


def test_a_link_that_came_during_the_work_is_not_followed(place, tmp_path, monkeypatch):
    output, away = tmp_path / "out", tmp_path / "away"
    output.mkdir()
    away.mkdir()
    honest = IndexTTS2.speak

    def speak(self, checked, **options):
        (output / "sub").symlink_to(away)
        return honest(self, checked, **options)

    monkeypatch.setattr(IndexTTS2, "speak", speak)
    assert run(place, LINES[1:2], output) == 1
    assert "a link, which is not followed" in report(output)[0]["error"] and not os.listdir(away)


def test_half_a_line_of_the_report_is_no_hindrance(place, tmp_path):
    output = tmp_path / "out"
    assert run(place, LINES[:1], output) == 0
    path = output / "report.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert run(place, LINES[:1], output) == 0
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == 2 and json.loads(lines[1])["ok"]


def test_a_killed_run_goes_on(place, tmp_path):
    """Killed after its first file: no half file, and the second run speaks the rest only."""
    lines = [
        {"text": f"Number {word}.", "speaker": "low.wav"} for word in ("one", "two", "three", "four", "five", "six")
    ]
    output = tmp_path / "out"
    arguments = [
        f"--checkpoint={place / 'tiny'}",
        f"--input={write(place, lines)}",
        f"--output={output}",
        "--at_once=1",
    ]
    process = subprocess.Popen([sys.executable, "-m", "indextts2_jax", "batch", *arguments], cwd=HOME)
    deadline = time.monotonic() + 240
    while not (output.exists() and list(output.glob("*.wav"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in output.glob("*.wav")}
    assert before and all(len(read(output / name)) for name in before)
    reported = (
        sum(entry["ok"] for entry in report(output) if "ok" in entry) if (output / "report.jsonl").exists() else 0
    )
    assert command.main(arguments) == 0
    assert len(list(output.glob("*.wav"))) == 6
    kept = [name for name, stamp in before.items() if (output / name).stat().st_mtime_ns == stamp]
    assert len(kept) >= reported >= len(before) - 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "batch needs"),
        (["--checkpoint=nowhere", "--input=a", "--output=b"], "nowhere"),
        (["--checkpoint=demo", "--input=missing.jsonl", "--output=b"], "missing.jsonl"),
        (["--checkpoint=demo", "--input=a", "--output=b", "--at_once=0"], "at_once"),
    ],
)
def test_nothing_can_be_done(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_similar_lengths_go_together():
    row = {"speaker": "", "output": "", "seed": 0, "emotion": {}, "config": tiny_config(), "key": ""}
    made = [batch_rows.Row(number, "x" * length, **row) for number, length in ((1, 5), (2, 50), (3, 6), (4, 50))]
    assert [one.number for one in command.by_length(made)] == [2, 4, 3, 1]


DEVICES = """
import json, sys
import jax, numpy as np
from indextts2_jax import Request
from indextts2_jax.pipeline import batches
from tests.tiny import tiny_config, tiny_synthesizer, tiny_voice
tts, devices = tiny_synthesizer(), jax.devices()
texts = ["Hello.", "One, two."]
requests = [Request(text, tiny_voice(), seed=i) for i, text in enumerate(texts)]
config = tiny_config(decode={"max_mel_tokens": 12}, flow={"steps": 2})
alone = tts.synthesize_batch(requests, config=config)
tts.params = batches.spread(tts.params, devices)
seen = []
divided = batches.divided
def look(params, arrays):
    placed = divided(params, arrays)
    seen.append(len(placed[0].sharding.device_set) if hasattr(placed[0], "sharding") else 1)
    return placed
batches.divided = look
spread = tts.synthesize_batch(requests, config=config)
for a, b in zip(alone, spread):
    assert all(np.array_equal(x, y) for x, y in zip(a.codes, b.codes))
    x, y = a.audio.astype(np.float64), b.audio.astype(np.float64)
    assert x @ y / np.sqrt((x @ x) * (y @ y)) > 0.9999
print(len(devices), min(seen))
"""


def test_rows_are_divided_among_devices():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", DEVICES], cwd=HOME, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["2", "2"]


def test_a_cluster_of_two_workers(place, tmp_path):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    path, output = write(place, LINES[:4], "cluster.jsonl"), tmp_path / "out"
    arguments = [
        f"--checkpoint={place / 'tiny'}",
        f"--input={path}",
        f"--output={output}",
        "--at_once=2",
        "--workers=2",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "indextts2_jax", "batch", *arguments],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    entries = report(output)
    assert sorted(entry["line"] for entry in entries) == [1, 2, 3, 4] and all(entry["ok"] for entry in entries)
    alone = to_int16(expected(place, LINES[0]))
    assert np.abs(read(output / "000001.wav").astype(int) - alone).max() <= 16


GOOD = {"text": "Hi.", "speaker": "low.wav"}
BAD_ROWS = {
    "a file of another kind": ({**GOOD, "output": "x.mp3"}, ".wav or .flac"),
    "no ending": ({**GOOD, "output": "x"}, ".wav or .flac"),
    "the report itself": ({**GOOD, "output": "report.jsonl"}, ".wav or .flac"),
    "300 characters": ({**GOOD, "output": "x" * 300 + ".wav"}, "at most 240 bytes"),
    "a folder of 300 characters": ({**GOOD, "output": "x" * 300 + "/a.wav"}, "at most 240 bytes"),
    "half a surrogate": ('{"text": "Hi.", "speaker": "low.wav", "output": "\\ud800.wav"}', "valid Unicode"),
    "half a surrogate in a voice": ('{"text": "Hi.", "speaker": "\\ud800.wav"}', "cannot be read"),
    "half a surrogate in a saved voice": ('{"text": "Hi.", "speaker": "\\ud800.safetensors"}', ""),
    "half a surrogate in the text": ('{"text": "Hi \\ud800.", "speaker": "low.wav"}', "valid Unicode"),
    "a voice of 5,000 characters": ({**GOOD, "speaker": "v" * 5000 + ".wav"}, "cannot be read"),
    "a saved voice of 5,000 characters": ({**GOOD, "speaker": "v" * 5000 + ".safetensors"}, ""),
    "a folder up": ({**GOOD, "output": "a/../../x.wav"}, "under the output folder"),
    "a drive": ({**GOOD, "output": "c:x.wav"}, "under the output folder"),
    "a name that Windows cannot have": ({**GOOD, "output": "a?.wav"}, "under the output folder"),
    "a folder that Windows cannot have": ({**GOOD, "output": "a./x.wav"}, "every system"),
    "a link": ({**GOOD, "output": "link.wav"}, "a link, which is not followed"),
    "through a link": ({**GOOD, "output": "away/x.wav"}, "a link, which is not followed"),
    "times of another kind": ({**GOOD, "times": "x.txt"}, ".srt, .vtt or .json"),
    "times a folder up": ({**GOOD, "times": "../x.srt"}, "times is '../x.srt'"),
    "times through a link": ({**GOOD, "times": "away/x.srt"}, "times 'away/x.srt' is or goes through a link"),
    "times of two lines": ({**GOOD, "times": "FIRST.srt"}, "times 'FIRST.srt' is that of line 1 too"),
    "times by what is none": ({**GOOD, "times": "x.srt", "times_by": "letter"}, "one of line, sentence, word"),
    "times_by of another kind": ({**GOOD, "times": "x.srt", "times_by": 1}, "of the wrong kind"),
    "times_by without times": ({**GOOD, "times_by": "word"}, "give times"),
    "a folder of that name": ({**GOOD, "output": "folder.wav"}, "is a folder"),
    "a number of 400 digits": (
        '{"text": "Hi.", "speaker": "low.wav", "temperature": 1' + "0" * 400 + "}",
        "401 digits",
    ),
    "a number beyond floats": ('{"text": "Hi.", "speaker": "low.wav", "emotion_alpha": 1e999}', "too large"),
    "NaN": ('{"text": "Hi.", "speaker": "low.wav", "emotion_alpha": NaN}', "NaN is no number"),
    "deep": ("[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_known_before_the_work(name, place, tmp_path):
    line, message = BAD_ROWS[name]
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "elsewhere.wav")
    (tmp_path / "away").symlink_to(tmp_path.parent)
    lines = write(place, [{**GOOD, "times": "first.srt"}, line, {**GOOD, "output": "last.wav"}])
    first, bad, last = batch_rows.read_rows(lines, tiny_config(), tiny_config().model, outputs=tmp_path)
    assert isinstance(bad, batch_rows.BadRow) and message in bad.error, bad
    assert isinstance(first, batch_rows.Row) and isinstance(last, batch_rows.Row)


def test_rows_that_would_replace_what_is_read(place):
    """Their own clip, another row's, another row's emotion, the list itself."""
    rows = [
        {**GOOD, "output": "low.wav"},
        {**GOOD, "output": "high.wav"},
        {"text": "Hi.", "speaker": "high.wav", "emotion_audio": "sad.wav"},
        {**GOOD, "output": "x/../sad.wav"},
        {**GOOD, "output": "x.wav", "times": "x.srt"},
    ]
    write_audio(place / "sad.wav", voice_clip(1.5, 150.0)[0], RATE)
    lines = write(place, rows)
    found = batch_rows.apart(batch_rows.read_rows(lines, tiny_config(), tiny_config().model), lines, place)
    assert [isinstance(row, batch_rows.Row) for row in found] == [False, False, True, False, True]
    assert all(
        "files that are read" in row.error or "under the output" in row.error
        for row in found
        if not isinstance(row, batch_rows.Row)
    )


@pytest.mark.parametrize("other", ["./a.wav", "A.wav", ".//a.wav", "e\u0301.wav"])
def test_two_spellings_of_one_file_are_one(other, place):
    names = ["a.wav", "\u00e9.wav", other]
    rows = list(
        batch_rows.read_rows(
            write(place, [{**GOOD, "output": name} for name in names]), tiny_config(), tiny_config().model
        )
    )
    assert [isinstance(row, batch_rows.Row) for row in rows] == [True, True, False]


def test_a_report_that_somebody_else_wrote(tmp_path):
    entries = [{"ok": True, "key": ["a"]}, {"ok": True, "key": {"a": 1}}, {"ok": 1, "key": "b"}, [1], "x", None, 5]
    lines = [json.dumps(entry) for entry in entries] + ["[" * 100_000, "\udcff"]
    (tmp_path / "report.jsonl").write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    report = batch_rows.Report(tmp_path)
    report.add({"line": 1, "ok": False, "error": "a \ud800 name"})
    report.close()
    assert json.loads((tmp_path / "report.jsonl").read_bytes().splitlines()[-1])["line"] == 1


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full(tmp_path):
    report = batch_rows.Report(tmp_path)
    report._file.close()
    report._file = open("/dev/full", "ab")  # noqa: SIM115
    with pytest.raises(TextError, match="No space left"):
        report.add({"line": 1})
    report.close()
