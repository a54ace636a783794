"""From clips to arrays: the pipeline's own numbers, all of them or none."""

import json

import numpy as np
import pytest
import soundfile

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import resample
from indextts2_jax.audio import write as audio_write
from indextts2_jax.audio.kaldi_fbank import campplus_fbank
from indextts2_jax.audio.mel import ref_mel
from indextts2_jax.audio.w2v_features import w2v_features
from indextts2_jax.errors import ManifestError, TrainingError
from indextts2_jax.training import dataset
from indextts2_jax.training import prepare as module
from indextts2_jax.training.dataset import DataSet
from indextts2_jax.training.prepare import prepare
from tests.training.tiny import ROWS, SENTENCES, SPEAKERS, noise, write_manifest


def test_arrays_are_those_of_the_pipeline(data):
    assert len(data.rows) == ROWS and data.speakers == sorted(SPEAKERS)
    for i in (0, 3, ROWS - 1):
        row = data.rows[i]
        assert (row["text"], row["speaker"]) == (SENTENCES[i % 4], SPEAKERS[i % 3])
        assert row["split"] == ("valid" if i % 4 == 3 else "train") and row["phones"][0][0] == "pau"
        clip = audio_clip.load_clip(data.folder.parent / "clips" / f"{i}.wav")
        audio_22k, audio_16k = resample.speaker_audio(clip)
        expected = {
            "audio": audio_write.to_int16(audio_22k),
            "mel": ref_mel(audio_22k).astype(np.float16),
            "features": w2v_features(audio_16k).features.astype(np.float16),
            "fbank": campplus_fbank(audio_16k).astype(np.float16),
        }
        for name, array in expected.items():
            found = data.array(name)[i]
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    return write_manifest(folder)


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_several_processes_make_the_same(clips, tmp_path, data):
    summary = prepare(clips, tmp_path / "data", jobs=2)
    assert summary["utterances"] == ROWS and summary["speakers"] == 3
    seconds = sum(0.7 + 0.05 * i for i in range(ROWS))
    assert summary["hours"] == pytest.approx(seconds / 3600, rel=1e-3)
    assert snapshot(tmp_path / "data") == snapshot(data.folder)


def test_a_failure_while_writing_leaves_the_old_data_set(clips, tmp_path, monkeypatch):
    target = tmp_path / "data"
    prepare(clips, target)
    before = snapshot(target)
    lines = clips.read_text().splitlines()
    clips.write_text("\n".join(lines[:5]))
    written = []

    def fail(folder, name, parts):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(name)
        dataset.write_flat(folder, name, parts)

    monkeypatch.setattr(module, "write_flat", fail)
    with pytest.raises(TrainingError, match="No space left"):
        prepare(clips, target)
    assert len(written) == 2 and snapshot(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "data"]

    monkeypatch.undo()
    prepare(clips, target)  # and the next one goes through
    assert len(DataSet.open(target).rows) == 5


def test_an_interrupt_leaves_the_old_data_set(clips, tmp_path, monkeypatch):
    target = tmp_path / "data"
    prepare(clips, target)
    before = snapshot(target)

    def interrupt(folder, name, parts):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_flat", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare(clips, target)
    assert snapshot(target) == before and len(list(tmp_path.iterdir())) == 2


def test_other_files_are_not_overwritten(clips, tmp_path):
    for name, file in (("data", "notes.txt"), ("set", "notes.txt")):
        folder = tmp_path / name
        if name == "set":
            prepare(clips, folder)
        folder.mkdir(exist_ok=True)
        (folder / file).write_text("mine")
        with pytest.raises(TrainingError, match=r"notes\.txt"):
            prepare(clips, folder)
        assert (folder / file).read_text() == "mine"
    with pytest.raises(TrainingError, match=r"[01]?[0-9]\.wav|manifest"):
        prepare(clips, clips.parent)
    assert clips.exists()
    with pytest.raises(TrainingError, match="file"):
        prepare(clips, clips)


def test_what_was_derived_from_the_old_clips_goes(clips, tmp_path):
    prepare(clips, tmp_path / "data")
    old = DataSet.open(tmp_path / "data")
    old.derive("codes", {"codes": [np.zeros(3, np.uint16)] * ROWS}, {"run": "runs/x"})
    assert json.loads((tmp_path / "data" / "codes" / "source.json").read_text()) == {"run": "runs/x"}
    prepare(clips, tmp_path / "data")
    assert not (tmp_path / "data" / "codes").exists()


def test_clips_that_turn_out_bad_are_named(clips, tmp_path):
    soundfile.write(clips.parent / "4.wav", np.zeros(22050, np.int16), 22050)
    audio = noise(0, 1.0)
    audio[7] = np.nan
    soundfile.write(clips.parent / "6.wav", audio, 22050, subtype="FLOAT")
    with pytest.raises(ManifestError) as caught:
        prepare(clips, tmp_path / "data")
    message = str(caught.value)
    assert "4.wav" in message and "silent" in message and "6.wav" in message and "NaN" in message
    assert "\n" not in message and not (tmp_path / "data").exists()


def test_what_a_killed_encoder_left_is_not_in_the_way(clips, tmp_path):
    prepare(clips, tmp_path / "data")
    (tmp_path / "data/.0123abcd.indextts2/new").mkdir(parents=True)
    prepare(clips, tmp_path / "data")
    assert len(DataSet.open(tmp_path / "data").rows) == ROWS
