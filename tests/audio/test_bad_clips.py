"""What cannot be a reference clip is refused: one line, at once, and without memory to speak of."""

import os
import struct
import time
import tracemalloc

import numpy as np
import pytest

from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import wav as wav_headers
from indextts2_jax.errors import AudioError
from tests.annotations import unchecked
from tests.audio import clips
from tests.audio.clips import RATE, encode, flac, id3, mp3, ogg, patched, riff, voice, wav, wav_header

SOUND = (voice()[:, 0] * 32767).astype("<i2").tobytes()
FLOATS = voice()[:, 0].astype("<f4")


def floats(position: int, value: float, subtype: str = "FLOAT") -> bytes:
    samples = voice()
    samples[position] = value
    return wav(samples, subtype=subtype)


def spoiled(data: bytes, start: int, stop: int) -> bytes:
    return data[:start] + bytes(stop - start) + data[stop:]


def rf64(length: int | None) -> bytes:
    table = b"" if length is None else b"ds64" + struct.pack("<IQQQI", 28, 0, length, 0, 0)
    return b"RF64" + b"\xff" * 4 + b"WAVE" + table + wav_header() + b"data" + b"\xff" * 4 + SOUND


def extensible(tag: int, tail: bytes) -> bytes:
    return riff(wav_header(0xFFFE, extra=struct.pack("<HHIH", 22, 16, 0, tag) + tail), data=SOUND)


def aiff() -> bytes:
    return encode(voice(), container="AIFF")


def caf() -> bytes:
    return encode(voice(), container="CAF")


def forged_index() -> bytes:
    data = mp3()
    return patched(data, data.index(b"Xing") + 8, "I", 0xFFFFFF7F)


BAD = {
    # not audio
    "empty": (lambda: b"", "is an empty file"),
    "one_byte": (lambda: b"R", "is not audio"),
    "text": (lambda: b"This is no recording.\n" * 40, "is not audio"),
    "html": (lambda: b"<!DOCTYPE html><html>404</html>", "is not audio"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), "is not audio"),
    "zip": (lambda: b"PK\x03\x04" + bytes(500), "is not audio"),
    "pickle": (lambda: b"\x80\x04\x95" + bytes(500), "is not audio"),
    "zeros": (lambda: bytes(100_000), "is not audio"),
    "mp4": (lambda: b"\0\0\0\x20ftypM4A " + bytes(500), "is not audio"),
    "webm": (lambda: b"\x1a\x45\xdf\xa3" + bytes(500), "is not audio"),
    "avi": (lambda: b"RIFF\x00\x01\x00\x00AVI " + bytes(500), "is not audio"),
    # audio, but not of an allowed kind
    "au": (lambda: encode(voice(), container="AU"), "is not audio of a kind"),
    "w64": (lambda: encode(voice(), container="W64"), "is not audio of a kind"),
    "rifx": (lambda: b"RIFX" + wav()[4:], "is not audio of a kind"),
    "wav_ima_adpcm": (lambda: wav(subtype="IMA_ADPCM"), "0x0011"),
    "wav_ms_adpcm": (lambda: wav(subtype="MS_ADPCM"), "0x0002"),
    "wav_gsm": (lambda: wav(subtype="GSM610"), "0x0031"),
    "wav_mp3": (lambda: riff(wav_header(0x55, bits=0), data=SOUND), "0x0055"),
    "ima_overflow": (
        lambda: riff(wav_header(0x11, 0xFFFF, 0xFFFFFFFF, 0xFFFF, 4, struct.pack("<HH", 2, 0xFFFF)), data=SOUND),
        "0x0011",
    ),
    "extensible_adpcm": (lambda: extensible(0x11, wav_headers.GUID_TAIL), "0x0011"),
    "extensible_unknown": (lambda: extensible(1, bytes(14)), "0xFFFE"),
    "wav_12_bits": (lambda: riff(wav_header(bits=12), data=SOUND), "with 12 bits"),
    "wav_64_bit_integers": (lambda: riff(wav_header(frame_bytes=8, bits=64), data=SOUND), "with 64 bits"),
    "flac_8_bits": (lambda: encode(voice(), container="FLAC", subtype="PCM_S8"), "kind PCM_S8"),
    "ogg_speex": (lambda: ogg().replace(b"\x01vorbis", b"Speex  "), "neither Vorbis nor Opus"),
    "mpeg_layer_2": (lambda: patched(mp3(), 1, "B", 0xFD), "is not audio of a kind"),
    # WAV headers
    "riff_alone": (lambda: wav()[:4], "is not audio"),
    "wave_alone": (lambda: wav()[:12], "WAV without sound"),
    "format_cut": (lambda: wav()[:24], "format description is cut short"),
    "no_data_chunk": (lambda: wav()[:36], "WAV without sound"),
    "data_length_cut": (lambda: wav()[:42], "WAV without sound"),
    "no_samples": (lambda: wav()[:44], "promises 96000 bytes of sound and has 0"),
    "half": (lambda: wav()[:48_044], "promises 96000 bytes of sound and has 48000"),
    "one_byte_less": (lambda: wav()[:-1], "has 95999"),
    "data_size_0": (lambda: patched(wav(), 40, "I", 0), "holds no sound"),
    "rf64_without_table": (lambda: rf64(None), "holds no sound"),
    "rf64_lying": (lambda: rf64(1 << 62), "promises 4611686018427387904 bytes"),
    "chunk_beyond_end": (lambda: patched(wav(), 16, "I", 0x7FFFFFFF), "WAV without sound"),
    "many_chunks": (lambda: riff(b"junk\0\0\0\0" * 100_000, wav_header(), data=SOUND), "WAV without sound"),
    "two_formats": (lambda: riff(wav_header(), wav_header(0x11), data=SOUND), "its format twice"),
    "data_before_format": (lambda: riff(data=SOUND + wav_header()), "before the description"),
    "frame_bytes_0": (lambda: riff(wav_header(frame_bytes=0), data=SOUND), "do not fill frames of 0"),
    "frame_bytes_wrong": (lambda: riff(wav_header(frame_bytes=3), data=SOUND), "do not fill frames of 3"),
    "data_size_3000": (lambda: patched(wav(), 40, "I", 96_002), "promises 96002 bytes"),
    "data_size_half_a_gigabyte": (lambda: patched(wav(), 40, "I", 512 << 20), "promises 536870912 bytes"),
    "open_without_samples": (lambda: patched(wav()[:44], 40, "I", 0xFFFFFFFF), "holds no sound"),
    "open_with_half_a_sample": (lambda: patched(wav()[:45], 40, "I", 0xFFFFFFFF), "holds no sound"),
    "open_of_another_coding": (
        lambda: patched(riff(wav_header(0x11, bits=4), data=SOUND), 40, "I", 0xFFFFFFFF),
        "0x0011",
    ),
    "mu_law_16_bits": (lambda: riff(wav_header(7), data=SOUND), "0x0007 with 16 bits"),
    "zeros_then_ima": (lambda: bytes(500) + wav(subtype="IMA_ADPCM"), "0x0011"),
    "zeros_then_nothing": (lambda: bytes(2000) + b"no sound", "is not audio"),
    # AIFF and CAF
    "aiff_ima": (lambda: encode(voice(), container="AIFF", subtype="IMA_ADPCM"), "coding 'ima4'"),
    "aiff_gsm": (lambda: encode(voice(), container="AIFF", subtype="GSM610"), "coding 'GSM'"),
    "aiff_dwvw": (lambda: encode(voice(), container="AIFF", subtype="DWVW_16"), "coding 'DWVW'"),
    "aiff_12_bits": (lambda: patched(aiff(), 26, ">h", 12), "with 12 bits"),
    "aiff_half": (lambda: aiff()[:48_000], "is cut short: it promises 96000 bytes"),
    "aiff_header": (lambda: aiff()[:30], "is damaged|without sound"),
    "aiff_alone": (lambda: aiff()[:12], "without sound"),
    "aiff_frames": (lambda: patched(aiff(), 22, ">I", 0xFFFFFFFF), "is cut short"),
    "aiff_channels": (lambda: patched(aiff(), 20, ">h", 0), "holds no sound"),
    "aiff_offset": (lambda: patched(aiff(), aiff().index(b"SSND") + 8, ">I", 0xFFFFFF00), "is cut short"),
    "caf_alac": (lambda: encode(voice(), container="CAF", subtype="ALAC_16"), "coding 'alac'"),
    "caf_half": (lambda: caf()[:48_000], "is cut short"),
    "caf_alone": (lambda: caf()[:8], "without sound"),
    "caf_header": (lambda: caf()[:40], "is damaged"),
    "caf_chunk_beyond_end": (lambda: patched(caf(), 12, ">Q", 1 << 60), "without sound"),
    "caf_frames": (lambda: patched(caf(), caf().index(b"data") + 4, ">Q", 1 << 40), "is cut short"),
    # numbers
    "channels_0": (lambda: riff(wav_header(channels=0, frame_bytes=0), data=SOUND), "cannot be decoded"),
    "channels_33": (lambda: riff(wav_header(channels=33, frame_bytes=66), data=SOUND), "has 33 channels"),
    "channels_255": (lambda: riff(wav_header(channels=255, frame_bytes=510), data=SOUND), "has 255 channels"),
    "channels_65535": (lambda: riff(wav_header(channels=65535, frame_bytes=65534), data=SOUND), "do not fill"),
    "rate_0": (lambda: patched(wav(), 24, "I", 0), "cannot be decoded"),
    "rate_1": (lambda: patched(wav(), 24, "I", 1), "sample rate of 1 Hz"),
    "rate_3999": (lambda: patched(wav(), 24, "I", 3999), "sample rate of 3999 Hz"),
    "rate_384001": (lambda: patched(wav(), 24, "I", 384_001), "sample rate of 384001 Hz"),
    "rate_655350": (lambda: patched(wav(), 24, "I", 655_350), "sample rate of 655350 Hz"),
    "rate_max": (lambda: patched(wav(), 24, "I", 0xFFFFFFFF), "cannot be decoded|sample rate"),
    "one_sample": (lambda: wav(voice()[:1]), "lasts 0.000 s"),
    "short": (lambda: wav(voice(0.24)), "lasts 0.240 s"),
    "eleven_minutes": (lambda: wav(np.zeros(660 * 4000), rate=4000), "lasts 660 s by its header"),
    "too_much": (
        lambda: riff(wav_header(channels=32, rate=96_000, frame_bytes=64), data=bytes(64 * 530_000)),
        "32 channels at 96000 Hz, too much",
    ),
    # samples
    "nan": (lambda: floats(777, np.nan), "NaN, first at sample 777"),
    "infinite": (lambda: floats(778, np.inf), "first at sample 778"),
    "minus_infinite": (lambda: floats(0, -np.inf), "first at sample 0"),
    "beyond_float32": (lambda: floats(5, 1e300, "DOUBLE"), "first at sample 5"),
    "both_infinities": (lambda: wav(np.tile([np.inf, -np.inf], (RATE, 1)), subtype="FLOAT"), "first at sample 0"),
    "integers_as_floats": (lambda: wav(voice() * 32767, subtype="FLOAT"), "but sound lies in"),
    "silence": (lambda: wav(np.zeros(RATE)), "is silent in its first 1 s"),
    "silent_flac": (lambda: encode(np.zeros(RATE), container="FLAC"), "is silent"),
    "constant": (lambda: wav(np.full(RATE, 0.5)), "is silent"),
    "whisper_of_nothing": (lambda: wav(voice() * 3e-4, subtype="FLOAT"), "is silent"),
    "speech_after_the_cut": (
        lambda: wav(np.concatenate([np.zeros((15 * 8000, 1)), voice(2, 8000)]), rate=8000),
        "is silent in its first 15 s",
    ),
    # FLAC
    "flac_header": (lambda: flac()[:30], "cannot be decoded"),
    "flac_half": (lambda: flac()[: len(flac()) // 2], "cannot be decoded"),
    "flac_hole": (lambda: spoiled(flac(), 12_000, 12_100), "cannot be decoded"),
    "flac_unknown_length": (lambda: flac(frames=0), "does not say how long"),
    "flac_36_bits_of_frames": (lambda: flac(frames=(1 << 36) - 1), "lasts 1431656 s"),
    "flac_twice_the_frames": (lambda: flac(frames=96_000), "cannot be decoded|cut short"),
    "flac_rate": (lambda: flac(rate=655_350), "sample rate of 655350 Hz"),
    "flac_channels": (lambda: flac(channels=8), "cannot be decoded|cut short"),
    # OGG
    "ogg_page_alone": (lambda: ogg()[:58], "cannot be decoded"),
    "ogg_four_bytes": (lambda: b"OggS", "neither Vorbis nor Opus"),
    "ogg_zeroed": (lambda: spoiled(ogg(), 60, len(ogg())), "cannot be decoded"),
    "ogg_chained": (lambda: ogg() + ogg(), "holds 2 OGG streams"),
    "ogg_other_codec_behind": (lambda: ogg() + ogg("OPUS"), "holds 2 OGG streams"),
    "ogg_no_frames": (lambda: encode(np.zeros((0, 1)), container="OGG", subtype="VORBIS"), "lasts 0.000 s"),
    "opus_8_hours": (lambda: clips.ogg_lasting(8), "lasts 28800 s by its header"),
    # MP3
    "tag_bomb": (lambda: id3((1 << 28) - 1, bytes(1000)) + mp3(), "tag of 268435455 bytes"),
    "tag_to_the_end": (lambda: id3(50_000, bytes(1000)), "ends within its ID3 tag"),
    "tag_then_ima": (lambda: id3(64, bytes(64)) + wav(subtype="IMA_ADPCM"), "0x0011"),
    "tag_then_tag": (lambda: id3(64, bytes(64)) + id3(64, bytes(64)) + mp3(), "is not audio of a kind"),
    "tag_with_footer": (lambda: id3(64, bytes(74), flags=0x10) + mp3(), "is not audio of a kind"),
    "mp3_forged_index": (forged_index, "by its header|cannot be decoded"),
    "mp3_one_frame": (lambda: mp3()[:200], "cannot be decoded|lasts 0.0"),
    "mp3_sync_then_zeros": (lambda: mp3()[:4] + bytes(50_000), "cannot be decoded|lasts 0.0|is silent"),
}


def assert_one_line(error: AudioError, name: str) -> None:
    message = str(error)
    assert "\n" not in message and message.isprintable() and message.endswith((".", "NEW.wav")), message
    assert name in message and len(message) < 800, message


@pytest.mark.parametrize("case", BAD)
def test_refused_at_once(case, tmp_path):
    build, expected = BAD[case]
    path = tmp_path / "clip.wav"
    path.write_bytes(build())
    tracemalloc.start()
    start = time.thread_time()
    try:
        with pytest.raises(AudioError, match=expected) as caught:
            audio_clip.load_clip(path)
        seconds, peak = time.thread_time() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_one_line(caught.value, str(path))
    assert seconds < 1.0
    assert peak < 64 << 20


def test_header_faults_are_found_without_decoding(tmp_path):
    path = tmp_path / "clip.wav"
    for case in ("empty", "text", "wav_ima_adpcm", "half", "data_size_0", "channels_255", "opus_8_hours", "short"):
        path.write_bytes(BAD[case][0]())
        with pytest.raises(AudioError, match=BAD[case][1]):
            audio_clip.inspect(path)


def test_every_truncation_of_a_wav_is_refused(tmp_path):
    data, path = wav(voice(0.6, 4000), rate=4000), tmp_path / "clip.wav"
    for length in [*range(100), *range(100, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(AudioError):
            audio_clip.load_clip(path)
    path.write_bytes(data)
    audio_clip.load_clip(path)


# --- places ---------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path):
    """`place(kind)`: a path at which there is no audio file."""
    file = tmp_path / "file"
    file.write_bytes(wav())

    def make(kind: str) -> object:
        match kind:
            case "missing":
                return tmp_path / "nothing.wav"
            case "folder":
                return tmp_path
            case "pipe":
                os.mkfifo(tmp_path / "pipe.wav")
                return tmp_path / "pipe.wav"
            case "device":
                return "/dev/zero"
            case "dangling_link":
                (tmp_path / "link.wav").symlink_to(tmp_path / "nothing.wav")
                return tmp_path / "link.wav"
            case "below_a_file":
                return file / "clip.wav"
            case "nul":
                return "clip\0.wav"
            case "long_name":
                return tmp_path / ("x" * 300 + ".wav")
            case "two_lines":
                return tmp_path / "a\nb.wav"
            case "empty_name":
                return ""
            case "none":
                return None
            case "number":
                return 0
        raise AssertionError(kind)

    return make


@pytest.mark.parametrize(
    "kind",
    ["missing", "folder", "pipe", "device", "dangling_link", "below_a_file", "nul", "long_name", "two_lines"]
    + ["empty_name", "none", "number"],
)
def test_a_place_without_audio(kind, place):
    with unchecked(), pytest.raises(AudioError) as caught:
        audio_clip.load_clip(place(kind))
    assert_one_line(caught.value, "The reference clip")


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(wav())
    os.truncate(path, audio_clip.MAX_FILE_BYTES + 1)  # sparse
    with pytest.raises(AudioError, match="a file of 512 MiB"):
        audio_clip.inspect(path)


# --- arrays ---------------------------------------------------------------------------------------------------

GOOD = voice()[:, 0]


@pytest.mark.parametrize(
    ("audio", "rate", "expected"),
    [
        (0.5, RATE, r"has the shape \(\)"),
        ("clip.wav", RATE, r"has the shape \(\)"),
        (None, RATE, r"has the shape \(\)"),
        (GOOD.reshape(10, 100, 48), RATE, r"has the shape \(10, 100, 48\)"),
        (np.stack([GOOD, GOOD]), RATE, r"has 48000 channels.*Give \[samples, channels\]"),
        (np.zeros(0), RATE, "lasts 0.000 s"),
        (np.zeros((RATE, 0)), RATE, "lasts 0.000 s"),
        ([[0.1], [0.1, 0.2]], RATE, "cannot be read"),
        (GOOD > 0, RATE, "has the type bool"),
        (np.zeros(RATE, np.uint8), RATE, "has the type uint8"),
        (np.zeros(RATE, np.int64), RATE, "has the type int64"),
        (GOOD.astype(complex), RATE, "has the type complex128"),
        (GOOD.astype(object), RATE, "has the type object"),
        (GOOD.astype(str), RATE, "has the type <U"),
        (np.where(np.arange(RATE) == 9, np.nan, GOOD), RATE, "first at sample 9"),
        (GOOD * 1e300, RATE, "infinite"),
        (GOOD * 32767, RATE, "but sound lies in"),
        (np.zeros(RATE), RATE, "is silent"),
        (GOOD[:23_999], RATE, "lasts 0.500 s, less than 0.5 s"),
        (np.zeros(601 * 4000, np.float32), 4000, "lasts 601 s"),
        (GOOD, 0, "sample rate of 0 Hz"),
        (GOOD, -1, "sample rate of -1 Hz"),
        (GOOD, True, "sample rate of 1 Hz"),
        (GOOD, 10**9, "sample rate of 1000000000 Hz"),
        (GOOD, 48_000.5, "cannot be read"),
        (GOOD, "48000", "cannot be read"),
        (GOOD, None, "cannot be read"),
    ],
)
def test_arrays_that_cannot_be_a_clip(audio, rate, expected):
    with unchecked(), pytest.raises(AudioError, match=expected) as caught:
        audio_clip.clip_from_array(audio, rate)
    assert_one_line(caught.value, "(array)")
