"""Plans are checked whole, spoken in groups, and put together to the sample."""

import numpy as np
import pytest
import soundfile

from indextts2_jax import Emotion
from indextts2_jax.audio.write import write_audio
from indextts2_jax.dialogue.cast import Cast, Part
from indextts2_jax.dialogue.checks import Rules
from indextts2_jax.dialogue.lines import Fault
from indextts2_jax.dialogue.perform import groups, perform, place, speak_plan, utterances
from indextts2_jax.dialogue.plan import plan_script
from indextts2_jax.dialogue.play import read_play
from indextts2_jax.dialogue.subtitles import read_subtitles
from indextts2_jax.dialogue.takes import FolderTakes, MemoryTakes
from indextts2_jax.errors import ConfigError, TextError
from tests.dialogue.fake import WORD, FakeTTS
from tests.tiny import RATE, voice_clip

S = 22_050
MS = S / 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With two clips."""
    place = tmp_path_factory.mktemp("voices")
    for name, pitch in (("anna", 190.0), ("ben", 110.0)):
        write_audio(place / f"{name}.wav", voice_clip(1.5, pitch)[0], RATE)
    return place


@pytest.fixture
def cast(folder):
    return Cast(
        {
            "Anna": Part(str(folder / "anna.wav"), speed=1.0),
            "Ben": Part(str(folder / "ben.wav"), Emotion(weights="sad:0.5"), speed=1.0),
        },
        Part(str(folder / "ben.wav"), speed=2.0),
        folder,
    )


PLAY = """Anna: One two three.
Anna: Four.
Ben: Five [pause] six.
(He goes.)
It is late.
[pause:2s]
Ben: Bye.[pause:1s]
"""


def test_silences_by_rule(cast):
    recital, audio = perform(FakeTTS(), read_play(PLAY), cast, rules=Rules(100, 200, 400))
    words = [3, 1, 3, 1.5, 1]  # the default speaks twice as fast
    expected, starts = 0, []
    for count, pause in zip(words, (0, 100, 200, 400, 2000), strict=True):
        starts.append(expected + round(pause * MS))
        expected = starts[-1] + round(count * WORD)
    assert [one.start for one in recital.placed] == starts
    assert recital.samples == len(audio) == expected + S and audio.dtype == np.int16
    silent = np.ones(len(audio), bool)
    for one in recital.placed:
        assert audio[one.start : one.end].any()
        assert audio[one.start] and audio[one.end - 2]
        silent[one.start : one.end] = False
    assert not audio[silent].any()
    assert [one.speaker for one in utterances(recital)] == ["Anna", "Anna", "Ben", "", "Ben"]


def cue(start, end, text):
    return f"00:00:{start:06.3f} --> 00:00:{end:06.3f}\n{text}\n\n"


def test_cues_begin_at_their_times(cast):
    text = (
        cue(1.001, 1.3, "ANNA: One two three.")  # fits
        + cue(2.037, 2.1, "BEN: One two three four.")  # late by 0.3 s - 0.163 s
        + cue(2.2, 2.9, "ANNA: One two.")  # drawn out
        + cue(4, 5, "BEN: One two three four five six seven eight.")
    )
    recital, audio = perform(FakeTTS(), read_subtitles(text), cast)
    assert [one.start for one in recital.placed] == [round(ms * MS) for ms in (1001, 2037, 2200, 4000)]
    assert recital.samples == len(audio) == 5 * S
    first, second, third, fourth = recital.placed
    assert first.end == round(1300 * MS) and first.take.factor == pytest.approx(0.299 / 0.3, abs=1e-4)
    assert second.take.factor == 0.75 and second.take.samples == 3 * WORD
    assert second.take.late == second.end - third.start > 0 and recital.late == [second]
    assert third.take.samples == int(1.35 * 2 * WORD) and fourth.end == 5 * S
    alone = perform(FakeTTS(), read_subtitles(cue(2.037, 2.1, "BEN: One two three four.")), cast_of(cast, "Ben"))[1]
    both = slice(third.start, second.end)
    third_alone = perform(FakeTTS(), read_subtitles(cue(2.2, 2.9, "ANNA: One two.")), cast_of(cast, "Anna"))[1]
    np.testing.assert_array_equal(audio[both], alone[both] + third_alone[both])


def cast_of(cast, *names):
    return Cast({name: cast.parts[name] for name in names}, cast.default, cast.folder)


def test_the_length_of_the_whole(cast):
    cast = cast_of(cast, "Anna")
    script = read_subtitles(cue(1, 2, "ANNA: One.") + cue(3, 3, "ANNA: One two."))
    assert perform(FakeTTS(), script, cast)[0].samples == 3 * S + round(1.5 * WORD)  # nothing is lost
    for seconds in (3.05, 9.0):
        recital, audio = perform(FakeTTS(), script, cast, length_seconds=seconds)
        assert len(audio) == recital.samples == round(seconds * S)
        assert recital.cut == max(0, 3 * S + round(1.5 * WORD) - recital.samples)
    with pytest.raises(ConfigError, match="above 3, where the last cue begins"):
        perform(FakeTTS(), script, cast, length_seconds=2.5)
    with pytest.raises(ConfigError, match="no times"):
        perform(FakeTTS(), read_play("Anna: Hi."), cast, length_seconds=2.5)


def test_loud_lines_that_overlap_do_not_wrap(cast):
    script = read_subtitles((cue(1, 2, "One two three four five six seven eight.")) * 4)
    _, audio = perform(FakeTTS(), script, Cast({}, cast.default, cast.folder))
    assert audio.max() == 32767 and audio.min() == -32767


def plan(script, cast, **more):
    tts = FakeTTS()
    return plan_script(script, cast, tts.config, tts.model, **more)


def test_all_faults_are_one_error(cast, folder):
    text = (
        "Anna: Hi.\nCleo: Ho.\nAnna (whispering): x\nBen (sad:9): y\nBen (gone.wav): z\nBen: [pause:x]\ncleo (sad): u\n"
    )
    with pytest.raises(TextError) as error:
        plan(read_play(text), cast, cast_faults=[Fault(7, "Gina: bad.")], names=("play.txt", "cast.yaml"))
    told = str(error.value).split("\n")
    assert [line.split(":")[0] for line in told] == [f"play.txt, line {n}" for n in (2, 3, 4, 5, 6, 7)] + [
        "cast.yaml, line 7"
    ]
    for line, part in zip(
        told, ("Cleo is not in", "no emotion", "sad", "gone.wav", "[pause:x]", "cleo", "Gina"), strict=True
    ):
        assert part in line


def test_entries_that_nobody_uses(cast, folder):
    with pytest.raises(TextError, match=r"^the cast: Ben says nothing in the script; take the entry out\.$"):
        plan(read_play("Anna: Hi."), cast)
    parts = {**cast.parts, "Gone": Part(str(folder / "gone.wav"), at=4), "Fast": Part(speed=0.5, at=5)}
    parts["Odd"] = Part(str(folder / "ben.wav"), settings={"decode.beams": 1}, at=6)
    text = "Anna: a\nBen: b\nGone: c\nGone: d\nFast: e\nOdd: f\n"
    with pytest.raises(TextError) as error:
        plan(read_play(text), Cast(parts, Part()))
    told = str(error.value).split("\n")
    assert len(told) == 3 and "line 4: Gone" in told[0] and "no voice" in told[1] and "'decode.beams'" in told[2]


def test_groups_are_the_same_whatever_is_there(cast):
    script = read_play("".join(f"Anna: {'word ' * (n % 5)} {n}.\nBen: {n}.\nBen: 1.\n" for n in range(9)))
    made = groups(plan(script, cast).tasks, 4)
    assert [len(own) for own in made] == [4, 4, 4, 4, 2]  # "1." of Ben counts once
    assert all(len({task.config for task in own}) == 1 for own in made)
    takes, tts = MemoryTakes(), FakeTTS()
    speak_plan(tts, plan(script, cast), takes, at_once=4)
    assert [len(own) for own in tts.asked] == [4, 4, 4, 4, 2]
    again = FakeTTS()
    speak_plan(again, plan(script, cast), takes, at_once=4)
    assert again.asked == []
    speak_plan(again, plan(script, cast, seeds={2: 5}), takes, at_once=4)
    assert again.asked == [["0."]]  # by itself, nothing else


def test_equal_keys_for_equal_sound(cast):
    def keys(text, **more):
        return [task.key for task in plan(read_play(text), cast, **more).tasks]

    one, two, three = keys("Anna: Hi.\nBen: Hi.\nAnna: Hi.")
    assert one == three != two
    assert keys("(x)\nAnna: Hi.\nBen: Ho.")[0] == one != keys("Anna: Hi.\nBen: Ho.", seed=1)[0]
    assert keys("Anna: Hi.\nBen: Ho.", rules=Rules(line_pause_ms=9))[0] == one
    assert keys("Anna: Hi.\nBen: Ho.", rules=Rules(loudness_lufs=-20.0))[0] != one
    assert keys("Anna (sad): Hi.\nBen: Ho.")[0] != one != keys("Anna: Hi.\nBen: Ho.", identity="x")[0]


def test_loudness_is_even_and_a_part_may_have_its_own(cast):
    parts = {**cast.parts, "Cleo": Part(cast.default.voice, loudness=-30.0)}
    tasks = plan(read_play("Anna: a\nBen: b\nCleo: c"), Cast(parts, cast.default)).tasks
    assert [task.config.polish.loudness_lufs for task in tasks] == [-23.0, -23.0, -30.0]
    tasks = plan(read_play("Anna: a\nBen: b\nCleo: c"), Cast(parts, cast.default), rules=Rules(loudness_lufs=0.0)).tasks
    assert [task.config.polish.loudness_lufs for task in tasks] == [0.0, 0.0, -30.0]


def test_what_the_model_cannot_read_is_told_before_anything_is_spoken(cast):
    tts = FakeTTS()
    with pytest.raises(TextError, match=r"^line 1: This cannot be read\.\nline 3: This cannot be read\.$"):
        perform(tts, read_play("Anna: Unreadable a\nBen: b\nAnna: Unreadable c"), cast)
    assert not tts.asked


@pytest.mark.parametrize("said", ["Ben: a", "Ben: a\n\nBen: b"])
def test_a_part_has_no_duration_of_the_whole(said):
    cast = Cast({"Ben": Part(voice_clip(), settings={"duration.target_seconds": 3.0})})
    with pytest.raises(TextError, match=r"^the cast: Ben: duration\.target_seconds is for single texts"):
        perform(FakeTTS(), read_play(said), cast)


def test_a_line_of_which_nothing_comes(cast, tmp_path):
    takes, tts = FolderTakes(tmp_path), FakeTTS()
    for _ in range(2):
        with pytest.raises(TextError, match=r"nothing of line 2: .*--again=2"):
            perform(tts, read_play("Anna: a\nBen: Mute"), cast, takes=takes)
    assert tts.asked == [["Mute", "a"]]  # once


def test_takes_on_the_disk(cast, tmp_path):
    takes = FolderTakes(tmp_path)
    script = read_play(PLAY)
    recital, audio = perform(FakeTTS(), script, cast, takes=takes)
    tts = FakeTTS()
    same, again = perform(tts, script, cast, takes=FolderTakes(tmp_path))
    assert tts.asked == [] and same == recital
    np.testing.assert_array_equal(audio, again)
    key = recital.placed[1].take.key
    for damage in (lambda path: path.write_text("{"), lambda path: path.write_text("[]"), lambda path: path.unlink()):
        damage(tmp_path / f"{key}.json")
        takes = FolderTakes(tmp_path)  # a run reads a take once
        assert takes.get(key) is None
        speak_plan(tts, plan(script, cast, identity="fake"), takes)
        assert takes.get(key) == recital.placed[1].take
    sound, known = tmp_path / f"{key}.flac", tmp_path / f"{key}.json"
    whole, said = sound.read_bytes(), known.read_text("utf-8")
    samples, rate = soundfile.read(sound, dtype="int16")
    for damage in (
        lambda: sound.write_bytes(b""),
        lambda: sound.write_bytes(whole[: len(whole) // 2]),
        lambda: sound.write_bytes(bytes(len(whole))),
        lambda: soundfile.write(sound, samples[:-1], rate),
        lambda: soundfile.write(sound, np.stack([samples, samples], 1), rate),
        lambda: known.write_text(said.replace(f'"samples": {len(samples)}', '"samples": -5')),
    ):
        damage()
        takes = FolderTakes(tmp_path)
        assert takes.get(key) is None
        speak_plan(tts, plan(script, cast, identity="fake"), takes)
        assert sound.read_bytes() == whole
    sound.unlink()
    takes = FolderTakes(tmp_path)
    assert takes.get(key) is None
    with pytest.raises(TextError, match="nothing of line 2"):
        place(plan(script, cast, identity="fake"), takes)


def test_rules_that_make_no_sense():
    for name, value in (("line_pause_ms", -1), ("shortest", 0.4), ("longest", 2.5), ("loudness_lufs", -1.0)):
        with pytest.raises(ConfigError, match=name):
            Rules(**{name: value})
