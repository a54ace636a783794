"""From a manifest to a prepared data set, once: every utterance resampled, its spectra computed, all of it on disk.

    python -m indextts2_jax.training.prepare --manifest=clips/manifest.jsonl --output=data/mine [--jobs=2]

A data set is a folder of flat arrays: the frames of all utterances one after another, and where each one begins.

    rows.jsonl            text, speaker, split, phones, language of each one
    audio [N] int16       at 22.05 kHz                  mel [M 80] float16         log mel (audio/mel.py)
    features [T 160]      float16, of w2v-bert          fbank [F 80] float16       of CAM++
    NAME.offsets.npy      int64 [utterances + 1]

The same functions as in synthesis compute them (`audio/`), by the speaker clip's route.
"""

import json
import multiprocessing
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import flags

from indextts2_jax.array_typing import Shaped
from indextts2_jax.audio import clip as audio_clip
from indextts2_jax.audio import resample
from indextts2_jax.audio import write as audio_write
from indextts2_jax.audio.kaldi_fbank import campplus_fbank
from indextts2_jax.audio.mel import ref_mel
from indextts2_jax.audio.w2v_features import w2v_features
from indextts2_jax.errors import AudioError, ManifestError, TrainingError
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.atomic import remove_leftovers, replaced_folder
from indextts2_jax.runtime.process import leave
from indextts2_jax.training.dataset import ROWS, SOURCE, write_flat
from indextts2_jax.training.utterances import ManifestRow, read_manifest

ARRAYS = ("audio", "mel", "features", "fbank")


def analyse(utterance: ManifestRow) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Every array of one utterance. Raises `AudioError` as `load_clip` does."""
    audio_22k, audio_16k = resample.speaker_audio(audio_clip.load_clip(utterance.audio))
    return {
        "audio": audio_write.to_int16(audio_22k),
        "mel": ref_mel(audio_22k).astype(np.float16),
        "features": w2v_features(audio_16k).features.astype(np.float16),
        "fbank": campplus_fbank(audio_16k).astype(np.float16),
    }


def _attempt(task: tuple[int, ManifestRow]) -> tuple[int, dict[str, np.ndarray] | str]:
    number, utterance = task
    try:
        return number, analyse(utterance)
    except AudioError as error:
        return number, str(error)


def prepare(manifest: str | os.PathLike[str], output: str | os.PathLike[str], *, jobs: int = 1) -> dict[str, float]:
    """Writes the data set, whole or not at all.

    Returns:
      Utterances, speakers and hours.
    Raises:
      ManifestError: rows that cannot be used, by line. TrainingError: `output` holds something else.
    """
    target = _check_output(pathlib.Path(output))
    utterances = read_manifest(manifest)
    results: dict[int, dict[str, np.ndarray]] = {}
    problems = []
    for number, result in _all(utterances, jobs):
        if isinstance(result, str):
            problems.append(result)
        else:
            results[number] = result
    if problems:
        raise ManifestError(f"{manifest}: {' '.join(problems[:5])}")
    try:
        with replaced_folder(target) as new:
            for name in ARRAYS:
                write_flat(new, name, [results[number][name] for number in range(len(utterances))])
            with open(new / ROWS, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(_row(utterance)) + "\n" for utterance in utterances)
    except OSError as error:
        raise TrainingError(f"Cannot write {output}: {error.strerror or error}.") from None
    seconds = sum(len(result["audio"]) for result in results.values()) / audio_write.SAMPLING_RATE
    speakers = {utterance.speaker for utterance in utterances}
    return {"utterances": len(utterances), "speakers": len(speakers), "hours": seconds / 3600}


def _check_output(folder: pathlib.Path) -> pathlib.Path:
    """Raises `TrainingError` unless `folder` is absent, empty or a data set with what was derived from it."""
    if folder.exists() and not folder.is_dir():
        raise TrainingError(f"{folder} is a file; choose another folder.")
    remove_leftovers(folder / ROWS)
    own = {ROWS, *(f"{name}{ending}" for name in ARRAYS for ending in (".npy", ".offsets.npy"))}
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.name not in own and not (entry / SOURCE).exists():
            raise TrainingError(f"{folder} holds {entry.name}, which would be lost; choose another folder.")
    return folder.resolve()


def _all(utterances: list[ManifestRow], jobs: int) -> Iterator[tuple[int, Any]]:
    from tqdm import tqdm

    tasks = list(enumerate(utterances))
    if jobs == 1:
        yield from tqdm(map(_attempt, tasks), total=len(tasks), unit="clip")
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from tqdm(pool.imap_unordered(_attempt, tasks, chunksize=16), total=len(tasks), unit="clip")


def _row(utterance: ManifestRow) -> dict[str, Any]:
    row: dict[str, Any] = {"text": utterance.text, "speaker": utterance.speaker, "split": utterance.split}
    told = {"phones": utterance.phones, "language": utterance.language}
    return row | {key: value for key, value in told.items() if value is not None}


def define(own: flags.FlagValues, command: list[str]) -> None:
    flags.DEFINE_string("manifest", None, "JSON lines: audio, text, speaker.", required=True, flag_values=own)
    flags.DEFINE_string("output", None, "Folder to write the data set to.", required=True, flag_values=own)
    flags.DEFINE_integer("jobs", os.cpu_count(), "Processes.", lower_bound=1, flag_values=own)


def work(options: flags.FlagValues) -> None:
    summary = prepare(options.manifest, options.output, jobs=options.jobs)
    print(", ".join(f"{value:.2f} {name}" if name == "hours" else f"{value} {name}" for name, value in summary.items()))


if __name__ == "__main__":
    leave(command_line.run(work, define, __doc__))
