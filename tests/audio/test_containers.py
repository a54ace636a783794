"""Clips as telephones and browsers record them."""

import io
import sys

import numpy as np
import pytest

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.errors import AudioError
from tests.audio.clips import voice

av = pytest.importorskip("av")

RATE = 48_000
KINDS = [  # file, container of FFmpeg, codec, what the gate calls the two
    ("clip.m4a", "ipod", "aac", "MP4", "AAC"),
    ("clip.mp4", "mp4", "aac", "MP4", "AAC"),
    ("clip.mov", "mov", "alac", "MP4", "ALAC"),
    ("clip.webm", "webm", "libopus", "WEBM", "OPUS"),
    ("clip.mkv", "matroska", "flac", "WEBM", "FLAC"),
    ("clip.aac", "adts", "aac", "AAC", "AAC"),
]


def record(container: str, codec: str, seconds: float = 2.0, channels: int = 1, picture: bool = False) -> bytes:
    buffer = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[channels]
    samples = voice(seconds, RATE, channels).T.astype(np.float32)
    with av.open(buffer, "w", format=container) as file:
        film = file.add_stream("mpeg4", rate=10, width=64, height=64) if picture else None
        stream = file.add_stream(codec, rate=RATE, layout=layout)
        if film is not None:
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                file.mux(film.encode(frame))
            file.mux(film.encode(None))
        to_codec = av.AudioResampler(format=stream.format.name, layout=layout, rate=RATE)
        for start in range(0, samples.shape[1], 960):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 960]), "fltp", layout)
            frame.sample_rate, frame.pts = RATE, start
            for ready in to_codec.resample(frame):
                file.mux(stream.encode(ready))
        file.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(("file", "container", "codec", "kind", "subtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_was_recorded_is_heard(file, container, codec, kind, subtype, channels, tmp_path):
    path = tmp_path / file
    path.write_bytes(record(container, codec, channels=channels))
    info, clip = audio_clip.inspect(path), audio_clip.load_clip(path)
    assert (info.container, info.subtype, info.sampling_rate, info.channels) == (kind, subtype, RATE, channels)
    assert clip.sampling_rate == RATE and abs(len(clip.audio) - 2 * RATE) < 3000
    wanted, heard = voice(2.0)[4000:80_000, 0], clip.audio[: 2 * RATE]
    shifts = np.correlate(heard[:90_000], wanted[:20_000], "valid")
    start = int(np.argmax(np.abs(shifts)))
    assert abs(start - 4000) < 2500  # what an encoder puts in front, where the container does not say
    same = heard[start : start + 60_000]
    assert np.corrcoef(same, wanted[: len(same)])[0, 1] > 0.98


def test_of_a_long_recording_16_seconds_are_kept(tmp_path):
    (tmp_path / "clip.m4a").write_bytes(record("ipod", "aac", 18.0))
    assert len(audio_clip.load_clip(tmp_path / "clip.m4a").audio) == 16 * RATE


def test_too_long_by_its_header(tmp_path, monkeypatch):
    (tmp_path / "clip.m4a").write_bytes(record("ipod", "aac"))
    monkeypatch.setattr(audio_clip, "MAX_SECONDS", 1.5)
    with pytest.raises(AudioError, match="lasts 2 s by its header"):
        audio_clip.inspect(tmp_path / "clip.m4a")


def test_the_sound_of_a_film(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(record("mp4", "aac", picture=True))
    assert abs(len(audio_clip.load_clip(tmp_path / "clip.mp4").audio) - 2 * RATE) < 3000


def film_alone() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        film = file.add_stream("mpeg4", rate=10, width=64, height=64)
        file.mux(film.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        file.mux(film.encode(None))
    return buffer.getvalue()


BAD = {
    "ftyp_alone": (lambda: b"\0\0\0\x20ftypM4A " + bytes(500), "is not audio"),
    "ebml_alone": (lambda: b"\x1a\x45\xdf\xa3" + bytes(500), "is not audio"),
    "adts_alone": (lambda: b"\xff\xf1\x50\x80\x00\x1f\xfc" + bytes(500), "is not audio|lasts|0 Hz"),
    "half": (lambda: record("ipod", "aac")[:8000], "is not audio|lasts"),
    "no_sound": (film_alone, "without sound"),
    "ac3": (lambda: record("mp4", "ac3"), "with ac3, which is not read"),
    "short": (lambda: record("ipod", "aac", 0.3), "lasts"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_in_a_line(case, tmp_path):
    build, expected = BAD[case]
    path = tmp_path / "clip.m4a"
    path.write_bytes(build())
    with pytest.raises(AudioError, match=expected) as caught:
        audio_clip.load_clip(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("seed", range(18))
def test_damaged_at_random(seed, tmp_path):
    kind = KINDS[seed % len(KINDS)]
    generator = np.random.default_rng(seed)
    data = np.frombuffer(record(kind[1], kind[2]), np.uint8).copy()
    for position in generator.integers(0, len(data), 30):
        data[position] = generator.integers(256)
    (tmp_path / "clip").write_bytes(data.tobytes()[: generator.integers(100, len(data) + 1)])
    try:
        clip = audio_clip.load_clip(tmp_path / "clip")
    except AudioError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(clip.audio).all()


def test_without_the_extra_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "clip.m4a").write_bytes(record("ipod", "aac"))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"indextts2_jax\[formats\]"):
        audio_clip.load_clip(tmp_path / "clip.m4a")
