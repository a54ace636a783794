"""What `demo_speech` prints, writes and draws."""

import json
import math
import pathlib
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import speech_metrics as metrics

Row = dict[str, Any]
FFT = 1024  # samples of a column of the spectrograms

COLUMNS = {  # heading: (key of the summary, factor, decimals)
    "WER %": ("wer", 100, 1),
    "voice %": ("right_voice", 100, 1),
    "cosine": ("cosine", 1, 3),
    "pitch %": ("pitch_fits", 100, 1),
    "dev. %": ("pitch_deviation", 100, 1),
    "stop %": ("stopped", 100, 1),
    "length %": ("duration_fits", 100, 1),
    "both %": ("ended", 100, 1),
    "RTF": ("real_time_factor", 1, 3),
}
LEGEND = (
    "WER: word error rate by PocketSphinx. voice: nearest of the reference voices is the right one; cosine: to it. "
    "pitch: median within 8 % of the reference's; dev.: median deviation. stop: ended by the stop token; length: 0.6 "
    "to 1.6 times flite's; both: stop and length. RTF: seconds of synthesis a second of audio."
)


def table(summary: dict[str, dict[str, Row]]) -> str:
    """A line a voice and system, from {system: {voice: summary}}; then their difference, and the stages' times."""

    def line(voice: str, name: str, values: Sequence[float]) -> str:
        cells = [f"{value:10.{decimals}f}" for value, (_, _, decimals) in zip(values, COLUMNS.values(), strict=True)]
        return f"{voice:<12}{name:<12}{''.join(cells)}"

    lines = [f"{'voice':<12}{'system':<12}" + "".join(f"{name:>10}" for name in COLUMNS)]
    for voice in summary["flite"]:
        values = {
            system: [voices[voice][key] * factor for key, factor, _ in COLUMNS.values()]
            for system, voices in summary.items()
        }
        lines += [line(voice, system, numbers) for system, numbers in values.items()]
        if "ours" in values:
            pairs = zip(values["ours"], values["flite"], strict=True)
            lines.append(line(voice, "difference", [a - b if math.isfinite(a - b) else math.nan for a, b in pairs]))
    if "ours" in summary:
        stages = summary["ours"]["all"]["real_time_factor_by_stage"]
        lines.append("RTF by stage: " + ", ".join(f"{name} {value:.3f}" for name, value in stages.items()))
    return "\n".join([*lines, _wrap(LEGEND)])


def _wrap(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False)


def unseen_report(summary: Row) -> str:
    spoken = ", ".join(f"{name} {value:.3f}" for name, value in summary["cosines"].items())
    clips = ", ".join(f"{name} {value:.3f}" for name, value in summary["clip_cosines"].items())
    shares = ("right_voice", "pitch_fits", "pitch_deviation", "stopped", "wer")
    nearer, fits, deviation, stopped, wer = (f"{100 * summary[key]:.1f} %" for key in shares)
    return _wrap(
        f"Unseen speakers, {summary['sentences']} clips. Cosine of the speech to the {spoken}; of the clips "
        f"themselves: {clips}. The clip is nearer than any training voice: {nearer}. Pitch within 8 % of the clip's: "
        f"{fits}, median deviation {deviation}. Ended by the stop token: {stopped}. WER {wer}."
    )


def plot(path: pathlib.Path, rows: Sequence[Row], systems: Sequence[str], voices: Sequence[str]) -> None:
    """Log-mel spectrograms of three sentences, each in another voice, the systems side by side."""
    import librosa
    import matplotlib

    matplotlib.use("Agg")  # before pyplot looks for a screen
    from matplotlib import pyplot

    count = 1 + max(row["index"] for row in rows)
    chosen = [(voices[k % len(voices)], k * count // 3) for k in range(min(3, count))]
    figure, axes = pyplot.subplots(
        len(chosen), len(systems), figsize=(7 * len(systems), 2.6 * len(chosen)), squeeze=False, layout="constrained"
    )
    by_key = {(row["system"], row["voice"], row["index"]): row for row in rows}
    for (voice, index), line in zip(chosen, axes, strict=True):
        for system, axis in zip(systems, line, strict=True):
            row = by_key[system, voice, index]
            axis.set_title(f"{system}, {voice}: {row['text']}", fontsize=8)
            axis.set(xlabel="seconds", ylabel="mel band")
            if row["path"]:
                audio = metrics.load_audio(row["path"])
                audio = np.pad(audio, (0, max(0, FFT - len(audio))))
                mel = librosa.feature.melspectrogram(y=audio, sr=metrics.RATE, n_fft=FFT, hop_length=160, n_mels=80)
                extent = (0, len(audio) / metrics.RATE, 0, 80)
                axis.imshow(librosa.power_to_db(mel, top_db=80), origin="lower", aspect="auto", extent=extent)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def write_json(path: pathlib.Path, result: Row) -> None:
    """Numbers that are not finite become null, which JSON has a word for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_finite(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
