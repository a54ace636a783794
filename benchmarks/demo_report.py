"""What `demo_speech` prints, writes and draws."""

import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import soundfile

Row = dict[str, Any]
TITLES = {"teacher": "the teacher", "ours": "the model"}
FFT = 1024  # samples of a column of the spectrograms
SHOWN = 60  # letters of a text in a table

Runs = dict[str, list[dict[str, float]]]
"""By group: the summary of every run (seed) over the group's rows."""


class Line(NamedTuple):
    """A line of the table: what is measured of whom, and what must hold."""

    title: str
    group: str
    key: str
    factor: float
    decimals: int
    must: float | None = None
    aim: float | None = None
    least: bool = True
    """Whether what must hold is the least, not the most."""


LINES = (
    Line("words misheard, six training voices, %", "trained", "wer", 100, 1, 4, 2, False),
    Line("the worst of them, %", "trained", "wer_worst", 100, 1, 6, None, False),
    Line("words misheard, voices and mixtures never trained on, %", "unseen", "wer", 100, 1, 8, 4, False),
    Line("of them the 4 voices, %", "kept", "wer", 100, 1),
    Line("of them the mixtures, %", "mixtures", "wer", 100, 1),
    Line("cosine to another clip, training voices", "trained", "cosine", 1, 2),
    Line("cosine to another clip, never trained on", "unseen", "cosine", 1, 2, 0.78, 0.84),
    Line("nearest of 12 voices is the right one, training voices, %", "trained", "right_voice", 100, 1),
    Line("nearest of 12 voices is the right one, never trained on, %", "unseen", "right_voice", 100, 1, 85, 95),
    Line("DNSMOS P.808", "all", "p808", 1, 2, 3.5, 3.8),
    Line("DNSMOS overall", "all", "overall", 1, 2, 2.9),
    Line("pitch within 8 % of the teacher's reading, %", "all", "pitch_fits", 100, 1, 90),
    Line("melody: span of the pitch, as a share of the teacher's", "all", "melody_ratio", 1, 2, 0.7),
    Line("long-term spectrum, 100 Hz to 10 kHz, from the teacher's, dB", "all", "spectrum", 1, 1, 3, None, False),
    Line("length, as a share of the teacher's", "all", "length", 1, 2),
    Line("ended by the stop token, 0.6 to 1.6 of the teacher's length, %", "all", "ended", 100, 1, 99),
    Line("hard texts heard whole, %", "hard", "whole", 100, 1, 100),
    Line("clips of people: cosine to the clip", "clips", "cosine", 1, 2),
    Line("clips of people: words misheard, %", "clips", "wer", 100, 1),
    Line("seconds of synthesis a second of audio", "all", "real_time_factor", 1, 2),
)
COLUMNS = {  # of the table of voices: heading: (key of the summary, factor, decimals)
    "WER %": ("wer", 100, 1),
    "cosine": ("cosine", 1, 2),
    "nearest %": ("right_voice", 100, 1),
    "P.808": ("p808", 1, 2),
    "overall": ("overall", 1, 2),
    "pitch %": ("pitch_fits", 100, 1),
    "melody": ("melody_ratio", 1, 2),
    "spectrum dB": ("spectrum", 1, 1),
    "ended %": ("ended", 100, 1),
}
OF_TEACHER = ("wer", "cosine", "right_voice", "p808", "overall")
"""What is measured of the teacher too; the rest compares with it."""


def table(teacher: Runs, ours: Runs) -> str:
    """Markdown: a line a measure. Of ours the mean over the seeds, and the lowest and the highest of them."""
    lines = ["| | teacher | the model | seeds | must | aim | holds |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for line in LINES:
        values = [run[line.key] * line.factor for run in ours.get(line.group, ())]
        if not values and line.group not in teacher:
            continue
        reading = [run[line.key] * line.factor for run in teacher.get(line.group, ())]
        known = line.key in (*OF_TEACHER, "wer_worst")
        cells = [line.title, _number(reading[0], line.decimals) if reading and known else ""]
        cells += _spread(values, line.decimals)
        cells += ["" if goal is None else f"{goal:g}" for goal in (line.must, line.aim)]
        cells.append(_verdict(line, values))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: Sequence[float], decimals: int) -> list[str]:
    """The mean, and the lowest and the highest."""
    if not values:
        return ["", ""]
    ends = f"{_number(min(values), decimals)} to {_number(max(values), decimals)}" if len(values) > 1 else ""
    return [_number(sum(values) / len(values), decimals), ends]


def _verdict(line: Line, values: Sequence[float]) -> str:
    if line.must is None or not values:
        return ""
    mean = sum(values) / len(values)
    return "yes" if (mean >= line.must if line.least else mean <= line.must) else "no"


def voices_table(teacher: dict[str, dict[str, float]], ours: dict[str, dict[str, float]]) -> str:
    """Markdown: two lines a voice, the teacher's and ours, over all seeds."""
    lines = ["| voice | system | " + " | ".join(COLUMNS) + " |", "| --- " * (len(COLUMNS) + 2) + "|"]
    for voice in dict.fromkeys([*teacher, *ours]):
        for system, summaries in (("teacher", teacher), ("the model", ours)):
            if voice in summaries:
                cells = [
                    ""
                    if system == "teacher" and key not in OF_TEACHER
                    else _number(summaries[voice][key] * factor, places)
                    for key, factor, places in COLUMNS.values()
                ]
                lines.append(f"| {voice} | {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def hard_table(rows: Sequence[Row]) -> str:
    """Markdown: a line a hard text, in how many readings it was heard whole, and what was heard where it was not."""
    lines = ["| text | heard whole | otherwise heard |", "| --- | --- | --- |"]
    for text in dict.fromkeys(row["text"] for row in rows):
        own = [row for row in rows if row["text"] == text]
        other = "; ".join(dict.fromkeys(_short(row["heard"]) or "nothing" for row in own if not row["whole"]))
        lines.append(f"| {_short(text)} | {sum(row['whole'] for row in own)} of {len(own)} | {other} |")
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else ""


def plot(path: pathlib.Path, rows: Sequence[Row], voices: Sequence[str]) -> None:
    """Spectrograms of three sentences, each in another voice, the teacher beside the model."""
    import librosa
    import matplotlib

    matplotlib.use("Agg")  # before pyplot looks for a screen
    from matplotlib import pyplot

    systems = [name for name in ("teacher", "ours") if any(row["system"] == name for row in rows)]
    by_key = {(row["system"], row["voice"], row["text"]): row for row in reversed(rows)}
    common = [
        [row["text"] for row in rows if row["voice"] == voice and row["system"] == systems[-1]] for voice in voices
    ]
    chosen = [
        (voice, texts[k * len(texts) // 3])
        for k, (voice, texts) in enumerate(zip(voices, common, strict=True))
        if texts and k < 3
    ]
    figure, axes = pyplot.subplots(
        len(chosen), len(systems), figsize=(7 * len(systems), 2.6 * len(chosen)), squeeze=False, layout="constrained"
    )
    for (voice, text), line in zip(chosen, axes, strict=True):
        for system, axis in zip(systems, line, strict=True):
            row = by_key[system, voice, text]
            axis.set_title(f"{TITLES[system]}, {voice}: {text}", fontsize=8)
            axis.set(xlabel="seconds", ylabel="kHz")
            if row["path"]:
                samples, rate = soundfile.read(row["path"], dtype="float32")
                samples = np.pad(samples, (0, max(0, FFT - len(samples))))
                power = np.abs(librosa.stft(samples, n_fft=FFT, hop_length=FFT // 4)) ** 2
                extent = (0, len(samples) / rate, 0, rate / 2000)
                axis.imshow(librosa.power_to_db(power, top_db=80), origin="lower", aspect="auto", extent=extent)
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
