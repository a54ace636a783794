"""Good clips: what libsndfile decodes, mixed down, and no more of it than is needed; damaged ones at random."""

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio.write import wav_header as piped_header
from indextts2_jax.errors import AudioError
from tests.audio.clips import RATE, encode, flac, id3, mp3, ogg, patched, riff, voice, wav, wav_header

SOUND = wav()[44:]

KINDS = [
    *(
        (container, subtype)
        for container in ("WAV", "WAVEX", "RF64", "AIFF", "CAF")
        for subtype in audio_clip._SUBTYPES[container]
    ),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


COARSE = {"PCM_U8": 0.01, "PCM_S8": 0.01, "ULAW": 0.03, "ALAW": 0.03}
"""What eight bits leave."""


@pytest.mark.parametrize(("container", "subtype"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_allowed_kinds(container, subtype, channels, tmp_path):
    path = tmp_path / "clip"
    samples = voice(channels=channels) * [1.0, 0.5][:channels]
    path.write_bytes(encode(samples, container=container, subtype=subtype))
    info, clip = audio_clip.inspect(path), audio_clip.load_clip(path)
    assert info == (str(path), container, subtype, RATE, channels, RATE)
    assert info.seconds == 1.0
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert clip.audio.dtype == np.float32
    assert clip.sampling_rate == RATE
    np.testing.assert_array_equal(clip.audio, whole.T.mean(axis=0))
    lossy = subtype in ("VORBIS", "OPUS", "MPEG_LAYER_III")
    inside = slice(1000, -1000)  # the Opus encoder spoils the end
    np.testing.assert_allclose(
        clip.audio[inside], samples.mean(axis=1)[inside], atol=0.1 if lossy else COARSE.get(subtype, 1e-4)
    )


@pytest.mark.parametrize("channels", [3, 8, 9, 32])
def test_many_channels_are_averaged(channels, tmp_path):
    path = tmp_path / "clip.wav"
    samples = np.random.default_rng(0).normal(0, 0.1, (RATE, channels)).astype(np.float32)
    path.write_bytes(wav(samples, subtype="FLOAT"))
    np.testing.assert_array_equal(audio_clip.load_clip(path).audio, np.mean(samples.T, axis=0))
    np.testing.assert_array_equal(audio_clip.clip_from_array(samples, RATE).audio, np.mean(samples.T, axis=0))


@pytest.mark.parametrize(("container", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")])
def test_of_a_long_clip_16_seconds_are_kept(container, subtype, tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(encode(voice(40, 8000), rate=8000, container=container, subtype=subtype))
    clip = audio_clip.load_clip(path)
    whole, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(clip.audio, whole[: 16 * 8000])


def test_of_a_long_mp3_16_seconds_are_kept(tmp_path):
    # Decoded in one go as librosa does: soundfile.read seeks first, after which this decoder rounds differently.
    path = tmp_path / "clip.mp3"
    path.write_bytes(encode(voice(40, 22_050), rate=22_050, container="MP3", subtype="MPEG_LAYER_III"))
    with soundfile.SoundFile(path) as sound:
        whole = sound.read(dtype="float32")
    np.testing.assert_array_equal(audio_clip.load_clip(path).audio, whole[: 16 * 22_050])


@pytest.mark.parametrize(
    "data",
    [
        wav() + bytes(10_000),
        wav() + b"LIST\x04\0\0\0INFO",
        riff(b"JUNK\x03\0\0\0abc\0", wav_header(), data=(voice()[:, 0] * 32767).astype("<i2").tobytes()),
        id3(1000, bytes(1000)) + mp3(),
        ogg() + bytes(5000),
    ],
    ids=["zeros_behind", "list_behind", "odd_chunk_before", "tag_before", "zeros_behind_ogg"],
)
def test_harmless_oddities_are_accepted(data, tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(data)
    assert len(audio_clip.load_clip(path).audio) == RATE


def left_open(outer: int, inner: int, **options) -> bytes:
    """A WAV whose writer did not know how long it would be."""
    data = wav(**options)
    return patched(patched(data, 4, "I", outer), data.index(b"data") + 4, "I", inner)


OPEN = {
    "ffmpeg": left_open(0xFFFFFFFF, 0xFFFFFFFF),
    "ours": piped_header(RATE) + SOUND,
    "sox": left_open(0x7FFFFFFF, 0x7FFFFFDB),
    "arecord": left_open(0x7FFFF024, 0x7FFFF000),
    "two thousand million": left_open(2_000_000_036, 2_000_000_000),
    "2**31": left_open((1 << 31) + 36, 1 << 31),
    "never closed": left_open(36, 0),
    "nothing at all": left_open(0, 0),
    "the whole open": left_open(0, 96_000),
    "the whole larger than files": left_open(0xFFFFFFFF, 96_000),
    "the samples open": left_open(96_036, 0xFFFFFFFF),
    "half a sample behind": left_open(0xFFFFFFFF, 0xFFFFFFFF) + b"\0",
    "a tag in front": id3(1000, bytes(1000)) + wav(),
    "a tag in front, open": id3(1000, bytes(1000)) + left_open(0xFFFFFFFF, 0xFFFFFFFF),
    "zeros in front": bytes(5000) + wav(),
    "odd chunk without padding": riff(b"LIST\x05\0\0\0INFOx", wav_header(), data=SOUND),
    "odd chunk without padding behind the format": riff(wav_header(), b"LIST\x05\0\0\0INFOx", data=SOUND),
    "odd chunk with padding": riff(b"LIST\x05\0\0\0INFOx\0", wav_header(), data=SOUND),
}


@pytest.mark.parametrize("name", OPEN)
def test_headers_that_programs_left_unfinished(name, tmp_path):
    """The very samples of the file whose header is right."""
    (tmp_path / "right.wav").write_bytes(wav())
    (tmp_path / "clip.wav").write_bytes(OPEN[name])
    assert audio_clip.inspect(tmp_path / "clip.wav").frames == RATE
    right = audio_clip.load_clip(tmp_path / "right.wav").audio
    np.testing.assert_array_equal(audio_clip.load_clip(tmp_path / "clip.wav").audio, right)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "ULAW"])
def test_unfinished_headers_of_every_coding(subtype, tmp_path):
    (tmp_path / "right.wav").write_bytes(wav(subtype=subtype))
    (tmp_path / "clip.wav").write_bytes(left_open(0xFFFFFFFF, 0xFFFFFFFF, subtype=subtype))
    right = audio_clip.load_clip(tmp_path / "right.wav").audio
    found = audio_clip.load_clip(tmp_path / "clip.wav").audio
    np.testing.assert_array_equal(found[: len(right)], right)
    assert len(found) - len(right) < 30  # a chunk behind the samples that nothing tells from them


@pytest.mark.parametrize("front", [bytes(1), bytes(4321), bytes(1000) + id3(64, bytes(64))])
@pytest.mark.parametrize("sound", [mp3(), flac()], ids=["mp3", "flac"])
def test_zeros_in_front(front, sound, tmp_path):
    (tmp_path / "right").write_bytes(sound)
    (tmp_path / "clip").write_bytes(front + sound)
    right = audio_clip.load_clip(tmp_path / "right").audio
    np.testing.assert_array_equal(audio_clip.load_clip(tmp_path / "clip").audio, right)


def test_caf_and_a_size_that_is_left_open(tmp_path):
    data = encode(voice(), container="CAF")
    where = data.index(b"data") + 4
    (tmp_path / "clip").write_bytes(patched(data, where, ">Q", (1 << 64) - 1))
    assert len(audio_clip.load_clip(tmp_path / "clip").audio) == RATE


def test_shortest_and_quietest_and_loudest(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(voice(0.5)))
    audio_clip.load_clip(path)
    for gain in (1.1e-3, 7.9):
        samples = voice() / np.abs(voice()).max() * gain
        path.write_bytes(wav(samples, subtype="FLOAT"))
        audio_clip.load_clip(path)
    path.write_bytes(wav(voice() + 0.3, subtype="FLOAT"))  # an offset is no fault
    audio_clip.load_clip(path)


def test_arrays_and_files_give_the_same_clip(tmp_path):
    path = tmp_path / "clip.wav"
    for subtype, dtype in (("PCM_16", "int16"), ("PCM_32", "int32"), ("FLOAT", "float32"), ("DOUBLE", "float64")):
        path.write_bytes(wav(voice(channels=2), subtype=subtype))
        samples, rate = soundfile.read(path, dtype=dtype)
        loaded, given_ = audio_clip.load_clip(path), audio_clip.clip_from_array(samples, rate)
        np.testing.assert_array_equal(given_.audio, loaded.audio)
        assert given_.audio.dtype == np.float32


def test_a_clip_is_a_copy():
    samples = voice()[:, 0].astype(np.float32)
    clip = audio_clip.clip_from_array(samples, RATE)
    samples[:] = 0
    assert np.abs(clip.audio).max() > 0.1


SEEDS = [wav(voice(0.6)), flac(), ogg(seconds=0.6), ogg("OPUS", 0.6), mp3(0.6), encode(voice(0.6), container="RF64")]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, len(SEEDS) - 1),
    changes=st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), max_size=6),
    keep=st.floats(0.0, 1.0),
)
def test_a_damaged_file_is_a_clip_or_an_audio_error(seed, changes, keep, tmp_path_factory):
    data = bytearray(SEEDS[seed])
    for position, value in changes:
        data[position] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data[: int(keep * len(data)) if keep < 0.5 else len(data)])
    try:
        clip = audio_clip.load_clip(path)
    except AudioError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(clip.audio).all()
        assert audio_clip.MIN_RATE <= clip.sampling_rate <= audio_clip.MAX_RATE
        assert len(clip.audio) <= 16 * clip.sampling_rate


@settings(max_examples=200, deadline=None, derandomize=True)
@given(body=st.binary(max_size=200), sizes=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)))
def test_any_chunks_behind_a_riff_header(body, sizes, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "fuzz.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", sizes[0]) + b"WAVEfmt " + struct.pack("<I", sizes[1]) + body)
    with pytest.raises(AudioError):
        audio_clip.load_clip(path)
