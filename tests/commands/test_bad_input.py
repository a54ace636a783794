"""What cannot be done is told in one line, with exit code 2, before a model is loaded; nothing is left behind."""

import io
import os
import pathlib
import zipfile

import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from configs.demo import demo_settings
from indextts2_jax import __main__ as program
from indextts2_jax.config import to_dict

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIP = ROOT / "indextts2_jax" / "demo" / "voice.flac"
DEMO = ("speak", "--checkpoint=demo", "--text=Hi there.", "--output=OUT/out.wav")
RANDOM = ("speak", "--config=configs/tiny.py", "--text=Hi there.", f"--speaker={CLIP}", "--output=OUT/out.wav")


def npz(folder: pathlib.Path) -> bytes:
    np.savez(folder / "good.npz", cfm_noise=np.zeros((1, 80, 10), np.float32), noise_seed=np.array(1))
    return (folder / "good.npz").read_bytes()


def patched(data: bytes, local: int, central: int, value: int) -> bytes:
    """A field of the first member of a zip file, in both of its headers."""
    body = bytearray(data)
    body[local] = body[data.index(b"PK\x01\x02") + central] = value
    return bytes(body)


def larger_than_it_is(shape: tuple[int, ...]) -> bytes:
    header, packed = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cfm_noise.npy", header.getvalue() + bytes(1000))
    return packed.getvalue()


def objects() -> bytes:
    file = io.BytesIO()
    np.savez(file, cfm_noise=np.array([{}], dtype=object))
    return file.getvalue()


def saved(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


REPLAYS = {
    "cut": lambda good: good[:100],
    "cut in the index": lambda good: good[:-10],
    "unknown packing": lambda good: patched(good, 8, 10, 99),
    "encrypted": lambda good: patched(good, 6, 8, 1),
    "objects": lambda good: objects(),
    "larger than it is": lambda good: larger_than_it_is((1, 80, 1 << 33)),
    "a size beyond numbers": lambda good: larger_than_it_is((1 << 62, 1 << 62)),
    "no zip": lambda good: b"no zip at all",
    "empty": lambda good: b"",
    "nothing of ours": lambda good: saved(other=np.zeros(3)),
    "another shape": lambda good: saved(cfm_noise=np.zeros((80, 10), np.float32)),
    "another type": lambda good: saved(cfm_noise=np.zeros((1, 80, 10))),
    "another number": lambda good: saved(**{"cfm_noise.x": np.zeros((1, 80, 10), np.float32)}),
    "a seed below 0": lambda good: saved(noise_seed=np.array(-1)),
    "two seeds": lambda good: saved(noise_seed=np.array([1, 2])),
}

COMMANDS = {
    "no such setting": (*DEMO, "--config.decode.num_beam=1"),
    "no such flag file": (*DEMO, "--flagfile=/none"),
    "no such part of a configuration": (*DEMO, "--config=configs/demo.py:xyz"),
    "a configuration that exits": (*DEMO, "--config=OUT/exit.py"),
    "a configuration that fails": (*DEMO, "--config=OUT/fails.py"),
    "a configuration that interrupts its reader": (*DEMO, "--config=OUT/endless.py"),
    "replay a folder": (*DEMO, "--replay=OUT"),
    "replay a device": (*DEMO, "--replay=/dev/zero"),
    "an endless text": ("speak", "--checkpoint=demo", "--text_file=/dev/zero", "--output=OUT/out.wav"),
    "a folder for a text": ("speak", "--checkpoint=demo", "--text_file=OUT", "--output=OUT/out.wav"),
    "an endless glossary": (*DEMO, "--glossary=/dev/zero"),
    "a glossary with references": (*DEMO, "--glossary=OUT/bomb.yaml"),
    "a glossary of another kind": (*DEMO, "--glossary=OUT/exit.py"),
    "layers below zero": (*RANDOM, "--config.model.gpt.layers=-1"),
    "no layers": (*RANDOM, "--config.model.s2mel.depth=0"),
    "no kernel": (*RANDOM, "--config.model.w2v_bert.conv_kernel=0"),
    "no width": (*RANDOM, "--config.model.gpt.speaker_conformer.ffn_dim=0"),
    "a width beyond memory": (*RANDOM, "--config.model.bigvgan.initial_channels=1000000000000"),
    "a negative position": (*RANDOM, "--config.model.w2v_bert.left_positions=-1"),
    "a seed of weights too large": (*RANDOM, f"--config.random_seed={2**70}"),
    "a seed of weights below zero": (*RANDOM, "--config.random_seed=-1"),
    "more codes than the model has": (*DEMO, "--config.decode.max_mel_tokens=601"),
    "more text than the model has": (*DEMO, "--config.text.max_text_tokens_per_segment=300"),
    "a seed below zero": (*DEMO, "--seed=-1"),
    "a seed too large": (*DEMO, f"--seed={2**32}"),
    "no number": (*DEMO, "--config.decode.temperature=warm"),
    "loudness that is no number": (*DEMO, "--loudness=nan"),
    "a factor that is no number": (*DEMO, "--duration_factor=nan"),
    "a duration without end": (*DEMO, "--target_duration=inf"),
    "a weight that is no number": (*DEMO, "--emotion=happy:nan"),
    "a weight of an emotion that is no number": (*DEMO, "--emotion=happy:0.5", "--emotion_alpha=nan"),
    "three weights": (*DEMO, "--emotion_vector=1,2,3"),
    "a picture of another kind": (*DEMO, "--plot=OUT/picture.gif"),
    "stages nowhere": (*DEMO, "--dump_stages=/none/stages.npz"),
    "an output of another kind": (*DEMO[:3], "--output=OUT/out.mp3"),
    "an output below a file": (*DEMO[:3], "--output=OUT/exit.py/out.wav"),
    "an output name too long": (*DEMO[:3], "--output=OUT/" + "x" * 300 + ".wav"),
    "an output that is the voice": (*DEMO[:3], "--speaker=OUT/a.wav", "--output=OUT/a.wav"),
    "an output that is the clip of the emotion": (*DEMO[:3], "--emotion_audio=OUT/a.wav", "--output=OUT/x/../a.wav"),
    "times that are the text": (*DEMO[:2], "--text_file=OUT/a.srt", "--times=OUT/a.srt", "--output=OUT/b.wav"),
    "two pipes in": (*DEMO[:2], "--text_file=-", "--speaker=-"),
    "no voices there": ("voices", "list", "/none"),
    "voices in a file": ("voices", "list", "OUT/exit.py"),
    "no voice there": ("voices", "show", "/none.safetensors"),
    "no voice at all": ("voices", "show"),
    "a voice that is none": ("voices", "show", "OUT/exit.py"),
    "a command of voices that is none": ("voices", "sing"),
    "no source": ("convert", "--source=/none", "--output=OUT/model"),
    "a device for a source": ("convert", "--source=/dev/null", "--output=OUT/model"),
    "nothing to verify": ("convert", "--output=/none", "--verify"),
    "no artefact to read with": ("read", "--checkpoint=/none"),
    "no artefact to look at": ("doctor", "--checkpoint=/none"),
    "no lines": ("batch", "--checkpoint=demo", "--input=/none.jsonl", "--output=OUT/batch"),
    "endless lines": ("batch", "--checkpoint=demo", "--output=OUT/batch"),
    "no such command": ("sing",),
}


UNBOUNDED = ("decode.top_k=1", "text.quick_streaming_tokens=1")
"""A limit above all there is means all."""


def bad_settings() -> list[str]:
    """KEY=VALUE for every setting of a synthesis, of the wrong kind and far out of its range."""
    values = {
        int: ("many", "1.5", "-1000000000", "1000000000000", "", str(10**400)),
        float: ("much", "nan", "inf", "-inf", "-1e9", "1e9", str(10**400)),
        bool: ("perhaps", "2"),
        str: ("loud", "", "\x00"),
    }
    flat = flatten_dict(to_dict(demo_settings()), sep=".")
    chosen = {key: value for key, value in flat.items() if value is not None and key != "checkpoint"}
    made = [f"{key}={bad}" for key, value in chosen.items() for bad in values[type(value)]]
    return [one for one in made if not one.startswith(UNBOUNDED) or "." in one.partition("=")[2]]


FILES = {
    "exit.py": "import sys\nsys.exit(0)\n",
    "fails.py": "raise SyntaxError('two\\nlines')\n",
    "endless.py": "def get_config():\n    return get_config()\n",
    "a.srt": "Hi there.",
    "bomb.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
}


def refused(arguments, folder, capsys) -> str:
    """The message of a command that cannot be done; asserts that it is one line, and that nothing was written."""
    before = sorted(os.listdir(folder))
    code = program.main([argument.replace("OUT", str(folder)) for argument in arguments])
    out, err = capsys.readouterr()
    message = [line for line in err.splitlines() if not line.startswith(("warning:", "note:"))]
    assert (code, out, len(message)) == (2, "", 1), (code, out, err)
    assert message[0].startswith("error: ") and len(message[0]) < 1000
    assert sorted(os.listdir(folder)) == before
    return message[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    (tmp_path / "a.wav").write_bytes(CLIP.read_bytes())
    refused(COMMANDS[name], tmp_path, capsys)


@pytest.mark.parametrize("setting", bad_settings())
def test_settings(setting, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    refused((*DEMO, f"--config.{setting}"), tmp_path, capsys)


@pytest.mark.parametrize("name", REPLAYS)
def test_replays(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (tmp_path / "replay.npz").write_bytes(REPLAYS[name](npz(tmp_path)))
    assert "replay.npz" in refused((*DEMO, "--replay=OUT/replay.npz"), tmp_path, capsys)
