"""A picture of a speech: waveform and mel spectrogram, with the segments, their texts and their semantic codes."""

import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from indextts2_jax.array_typing import Float
from indextts2_jax.audio.mel import ref_mel
from indextts2_jax.errors import AudioError, ConfigError
from indextts2_jax.runtime.atomic import replaced_file
from indextts2_jax.synthesis.speech import Speech

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
MAX_SECONDS = 120.0
"""Of audio in one picture: more would be grey."""
CODE_TICKS = 400
"""At most so many boundaries of codes are drawn."""


def check_plot(path: str | os.PathLike[str]) -> None:
    """Raises `AudioError` for a place that cannot be written, `ConfigError` where matplotlib is missing."""
    path = pathlib.Path(path)
    if path.suffix not in SUFFIXES:
        raise AudioError(f"{str(path)!r} is no name of a picture: give one that ends in {', '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        raise AudioError(f"Cannot write {path}: there is no folder {path.parent}.")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ConfigError("A picture needs matplotlib: pip install 'indextts2_jax[plot]'.") from None


def plot_speech(path: str | os.PathLike[str], speech: Speech, audio: Float[np.ndarray, " N"] | None = None) -> None:
    """Draws the first `MAX_SECONDS`; whole or not at all.

    Args:
      path: ends in .png, .svg or .pdf.
      audio: where a sink took that of the speech.
    Raises:
      AudioError: nothing to draw, or the file cannot be written. ConfigError: matplotlib is missing.
    """
    check_plot(path)
    path = pathlib.Path(path)
    rate = speech.sampling_rate
    audio = (speech.audio if audio is None else audio)[: int(MAX_SECONDS * rate)]
    if len(audio) < rate // 50:
        raise AudioError("There is no audio to draw.")
    from matplotlib import figure as figures  # not pyplot: no window, no global state

    seconds = len(audio) / rate
    figure = figures.Figure(figsize=(min(40.0, max(9.0, 2.2 * seconds)), 6.0), layout="constrained")
    wave, mel = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    wave.plot(np.arange(len(audio)) / rate, audio, linewidth=0.4, color="0.25")
    wave.set(ylabel="amplitude", ylim=(-1, 1), xlim=(0, seconds))
    image = mel.imshow(
        ref_mel(audio).T, origin="lower", aspect="auto", extent=(0.0, seconds, 0.0, 80.0), cmap="magma", vmin=-11.5
    )
    mel.set(ylabel="mel bin", xlabel="seconds; ticks above: semantic codes")
    figure.colorbar(image, ax=mel, label="log amplitude", pad=0.01)
    _mark_segments(wave, mel, speech, seconds)
    _save(figure, path)


def _mark_segments(wave: "Axes", mel: "Axes", speech: Speech, seconds: float) -> None:
    rate = speech.sampling_rate
    for index, ((start, end), tokens, codes) in enumerate(
        zip(speech.spans, speech.segments, speech.codes, strict=True)
    ):
        left, right = start / rate, end / rate
        if left >= seconds or not len(codes):
            continue
        wave.axvspan(left, min(right, seconds), color=f"C{index % 10}", alpha=0.12)
        for axes in (wave, mel):
            axes.axvline(left, color=f"C{index % 10}", linewidth=1.0)
        text = "".join(tokens).replace("\u2581", " ").strip()
        room = max(8, int(9 * (min(right, seconds) - left)))
        label = text if len(text) <= room else text[: room - 1] + "…"
        wave.text(left, 1.02, f"{index + 1}: {label}", fontsize=7, va="bottom", color=f"C{index % 10}")
        step = max(1, len(codes) * len(speech.codes) // CODE_TICKS)
        bounds = left + np.arange(0, len(codes) + 1, step) * (right - left) / len(codes)
        mel.vlines(bounds[bounds <= seconds], 78.5, 80, color="white", linewidth=0.5)


def _save(figure: "Figure", path: pathlib.Path) -> None:
    try:
        with replaced_file(path) as new:
            figure.savefig(new, dpi=110, format=path.suffix[1:])
    except OSError as error:
        raise AudioError(f"Cannot write {path}: {error.strerror}.") from None
