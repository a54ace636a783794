"""The teacher of the demo model: Kokoro-82M, a neural synthesiser, from a folder that `fetch_teacher` wrote.

    symbols ─ vocab.json ─► tokens [1, n + 2] ┐
    voices  ─ weighted mean ─► style [1, 256] ┼─ ONNX graph ─► audio at 24 kHz, duration of every token
    speed                                     ┘

Of a voice's table [510, 1, 256] the row that is used is the one for the number of tokens. The mean of several tables is
a voice that nobody has.
"""

import hashlib
import importlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from indextts2_jax.errors import IndexTTSError

RATE = 24000
HOP = 600  # samples, 25 ms: the unit of durations
MODEL = "kokoro-v1.0.int8.onnx"
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOCABULARY = "vocab.json"
VOICES = "voices"
DURATIONS = "/encoder/Clip_output_0"  # the tensor of the graph that holds them
MAX_SYMBOLS = 509
STYLE = 256  # width of a style
BOUNDARY = 0  # the token at both ends

Mixture = Mapping[str, float]
"""Names of voices with their weights; they need not sum to 1."""


class Teacher:
    """Speaks strings of its own symbols (`symbols.py` makes them).

    Args:
      folder: what `python -m indextts2_jax.training.demo.fetch_teacher` wrote.
    Raises:
      IndexTTSError: a file is missing or damaged, or onnx or onnxruntime is not installed.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        graph = check(folder)
        try:
            vocabulary = json.loads(_read(folder / VOCABULARY))
            self.vocabulary: dict[str, int] = {str(k): int(v) for k, v in vocabulary["vocab"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise IndexTTSError(f"{folder / VOCABULARY} is damaged; fetch the teacher again.") from None
        self._session = _session(graph)
        self._tables: dict[str, np.ndarray] = {}

    def table(self, voice: str) -> np.ndarray:
        """Float32 [510, 256], the styles of one voice by the number of tokens. Raises `IndexTTSError`."""
        if voice not in self._tables:
            data = _read(self.folder / VOICES / f"{voice}.bin")
            if not data or len(data) % (4 * STYLE):
                raise IndexTTSError(f"{self.folder / VOICES / voice}.bin is damaged; fetch the teacher again.")
            self._tables[voice] = np.frombuffer(data, "<f4").reshape(-1, STYLE).astype(np.float32)
        return self._tables[voice]

    def style(self, voices: Mixture, tokens: int) -> np.ndarray:
        """Float32 [1, 256]: the weighted mean of the voices' styles for so many tokens."""
        total = sum(voices.values())
        mixed = sum(np.float32(weight / total) * self.table(name)[tokens] for name, weight in voices.items())
        return np.asarray(mixed, np.float32)[None]

    def speak(self, symbols: str, voices: Mixture, speed: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Speaks one text.

        Returns:
          Audio, float32 [N] at `RATE`, and durations, int32 [len(symbols) + 2] in units of `HOP` samples: of the
          boundary, of every symbol, of the boundary again. Their sum times `HOP` is N.
        Raises:
          IndexTTSError: nothing to say, too much, or a symbol that the teacher does not know.
        """
        if not 0 < len(symbols) <= MAX_SYMBOLS:
            raise IndexTTSError(f"The teacher speaks 1 to {MAX_SYMBOLS} symbols at a time, not {len(symbols)}.")
        unknown = sorted(set(symbols) - self.vocabulary.keys())
        if unknown:
            raise IndexTTSError(f"The teacher has no symbol {unknown[0]!r}.")
        tokens = [BOUNDARY, *(self.vocabulary[symbol] for symbol in symbols), BOUNDARY]
        feeds = {
            "tokens": np.array([tokens], np.int64),
            "style": self.style(voices, len(symbols)),
            "speed": np.array([speed], np.float32),
        }
        audio, durations = self._session.run(None, feeds)
        audio = np.asarray(audio, np.float32).reshape(-1)
        lengths = np.rint(np.asarray(durations).reshape(-1)).astype(np.int32)
        if len(lengths) != len(tokens) or int(lengths.sum()) * HOP != len(audio):
            raise IndexTTSError(f"The teacher's durations do not fit its audio: {symbols}")
        return audio, lengths


def check(folder: pathlib.Path) -> bytes:
    """The ONNX file. Raises `IndexTTSError` where it is missing or not the one that is known."""
    graph = _read(folder / MODEL)
    if hashlib.sha256(graph).hexdigest() != MODEL_SHA256:
        raise IndexTTSError(f"{folder / MODEL} is damaged; fetch the teacher again.")
    return graph


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        how = "python -m indextts2_jax.training.demo.fetch_teacher"
        raise IndexTTSError(f"The teacher's {path} cannot be read ({error.strerror or error}); see {how}.") from None


def _session(graph: bytes) -> Any:
    """The graph with the durations as a second output, on one thread."""
    try:
        onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    except ImportError as error:
        raise IndexTTSError(f"{error.name} is missing: pip install 'indextts2_jax[demo-corpus]'.") from None
    model = onnx.load_from_string(graph)
    model.graph.output.append(onnx.ValueInfoProto(name=DURATIONS))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
