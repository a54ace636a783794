"""`indextts2 doctor [--checkpoint=DIR --speaker=voice.wav] [--json]`: is everything right?

Looks at the device, the caches and the artefact (every tensor, every checksum), then speaks one sentence and holds what
comes out of each stage against what speech looks like. With weights that are wrong, missing or swapped the numbers fall
out of these ranges long before anyone has listened. Without --checkpoint the bundled demo model is looked at.

Exit code 0: all is well; 1: something is suspect; 2: it cannot even be tried.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import flags

from indextts2_jax import __version__
from indextts2_jax.checkpoint import bundled
from indextts2_jax.commands import settings
from indextts2_jax.config import SAMPLING_RATE, Config
from indextts2_jax.errors import ConfigError
from indextts2_jax.pipeline.recording import StageRecorder
from indextts2_jax.runtime import command_line
from indextts2_jax.runtime.cache import cache_folder, use_compilation_cache
from indextts2_jax.synthesis.request import VOICE_SUFFIX, check_source

SENTENCE = "The weather is fine today, and we are going for a walk."


@dataclasses.dataclass(frozen=True)
class Check:
    """One number, and what it should be."""

    name: str
    value: float
    low: float
    high: float
    meaning: str
    """What is likely to be wrong where it is not."""

    @property
    def ok(self) -> bool:
        return bool(self.low <= self.value <= self.high)


def stage_checks(arrays: dict[str, np.ndarray], audio: np.ndarray, expected_seconds: float) -> list[Check]:
    """What speech looks like, stage by stage.

    Args:
      arrays: of a `recording.StageRecorder`.
      audio: float32 [N] in [-1, 1].
      expected_seconds: how long the sentence takes at an ordinary pace.
    """
    codes = arrays["codes"].reshape(-1)
    mel, prompt = arrays["vocoder_mel"], arrays["ref_mel"]
    semantic, style = arrays["semantic_emb"], arrays["style"]
    level = 20 * np.log10(max(1e-9, float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))))
    envelope = np.abs(audio[: len(audio) // 256 * 256]).reshape(-1, 256).mean(axis=1)
    spread = float(np.std(20 * np.log10(envelope + 1e-5)))
    seconds = len(audio) / SAMPLING_RATE
    wrong = "the weights are not those of this model, or damaged"
    return [
        _finite("all stages are finite", arrays),
        Check("semantic features, standard deviation", float(semantic.std()), 0.3, 3.0, "w2v-bert or its statistics"),
        Check("speaker style, standard deviation", float(style.std()), 0.02, 5.0, "CAMPPlus"),
        _of_codes(arrays),
        Check("different codes among the codes", len(np.unique(codes)) / max(1, len(codes)), 0.2, 1.0, "the GPT"),
        Check("longest run of one code", float(_longest_run(codes)), 0, 40, "the GPT, or the codec's codebook"),
        Check("seconds by seconds expected", seconds / expected_seconds, 0.4, 2.5, f"the GPT: {wrong}"),
        Check("mel mean, less that of the prompt", float(mel.mean() - prompt.mean()), -2.5, 2.5, "the flow matching"),
        Check("mel deviation, by that of the prompt", float(mel.std() / prompt.std()), 0.6, 1.6, "the flow matching"),
        Check("loudness in dB of full scale", level, -45.0, -6.0, "the vocoder"),
        Check("variation of loudness in dB", spread, 6.0, 40.0, "the vocoder: speech has pauses, noise has none"),
        Check("samples at full scale", float(np.mean(np.abs(audio) >= 0.999)), 0.0, 0.01, "the vocoder"),
    ]


def _of_codes(arrays: dict[str, np.ndarray]) -> Check:
    """What is made of the codes: latents of a second pass, or features that a decoder makes of them again."""
    if "gpt_latent" in arrays:
        return Check("GPT latents, standard deviation", float(arrays["gpt_latent"].std()), 0.05, 20.0, "the GPT")
    decoded = float(arrays["codec_decode_out"].std())
    return Check("decoded codes, standard deviation", decoded, 0.2, 3.0, "the codec's decoder or codebook")


def _finite(name: str, arrays: dict[str, np.ndarray]) -> Check:
    bad = sum(not np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")
    return Check(name, float(bad), 0.0, 0.0, "a number overflows: try float32")


def _longest_run(codes: np.ndarray) -> int:
    if not len(codes):
        return 0
    ends = np.flatnonzero(np.append(np.diff(codes) != 0, True))
    return int(np.diff(np.append(-1, ends)).max())


def machine() -> dict[str, Any]:
    """Versions, devices, caches."""
    import flax
    import jax

    def used(folder: pathlib.Path) -> dict[str, Any]:
        files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        megabytes = sum(path.stat().st_size for path in files) / 1e6
        return {"folder": str(folder), "files": len(files), "megabytes": round(megabytes, 1)}

    return {
        "indextts2_jax": __version__,
        "jax": jax.__version__,
        "flax": flax.__version__,
        "backend": jax.default_backend(),
        "devices": [f"{device.device_kind} {device.id}" for device in jax.local_devices()],
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "caches": {name: used(cache_folder(name)) for name in ("xla", "voices", "verified")},
    }


def artefact(folder: pathlib.Path) -> dict[str, Any]:
    """Compares every tensor and every checksum. Raises `CheckpointError`."""
    from indextts2_jax.checkpoint import networks
    from indextts2_jax.checkpoint.artefact import expected_specs, read_header, verify_artefact

    sizes = verify_artefact(folder)
    header = read_header(folder)
    tensors = {
        name: len(expected_specs(name, header.model, header.dtype)) for name in networks.networks_of(header.model)
    }
    return {
        "folder": str(folder),
        "dtype": header.dtype,
        "files": len(sizes),
        "megabytes": round(sum(sizes.values()) / 1e6, 1),
        "tensors": tensors,
        "checksums": "equal",
    }


def sentence(checkpoint: str, config: Config | None, speaker: str) -> tuple[list[Check], dict[str, float]]:
    """Speaks: (what came out of the stages, seconds by stage)."""
    use_compilation_cache()
    from indextts2_jax import IndexTTS2

    tts = IndexTTS2.from_pretrained(checkpoint, config=config)
    recorder = StageRecorder()
    speech = tts.synthesize(SENTENCE, speaker, record=recorder)
    expected = 0.25 + sum(tts.frontend.seconds(segment) for segment in speech.segments)
    stopped = Check("stopped by itself", float(not any("limit" in one for one in speech.warnings)), 1, 1, "the GPT")
    return [stopped, *stage_checks(recorder.arrays, speech.audio, expected)], speech.seconds


# --- the command line ---------------------------------------------------------------------------------------------


def _define(own: flags.FlagValues, command: list[str]) -> None:
    settings.define(own, command)
    flags.DEFINE_string("speaker", None, "Reference clip; by default the bundled one.", flag_values=own)
    flags.DEFINE_bool("json", False, "One JSON object instead of text.", flag_values=own)


def work(own: flags.FlagValues) -> int:
    """Prints what it finds; returns the exit code, 1 where something is suspect."""
    speaker = own.speaker or str(bundled.voice_clip())
    if speaker.endswith(VOICE_SUFFIX):
        raise ConfigError("--speaker must be a clip here: the stages that encode it are looked at too.")
    check_source(speaker)
    chosen = settings.choose(own)
    if not chosen.checkpoint:
        raise ConfigError("doctor needs --checkpoint: random weights are always ill.")
    report: dict[str, Any] = {"machine": machine(), "artefact": artefact(bundled.resolve(chosen.checkpoint))}
    checks, seconds = sentence(chosen.checkpoint, chosen.config, speaker)
    ok = all(check.ok for check in checks)
    report["checks"] = [{**dataclasses.asdict(check), "ok": check.ok} for check in checks]
    report |= {"seconds": seconds, "ok": ok}
    print(json.dumps(report, indent=1) if own.json else as_text(report))
    return int(not ok)


def as_text(report: dict[str, Any]) -> str:
    machine, found = report["machine"], report["artefact"]
    lines = [
        f"indextts2_jax {machine['indextts2_jax']}, jax {machine['jax']}, flax {machine['flax']}",
        f"device: {machine['backend']}, {', '.join(machine['devices'])}; {machine['cpus']} CPU cores",
        *(
            f"cache {name}: {cache['folder']}, {cache['files']} files, {cache['megabytes']} MB"
            for name, cache in machine["caches"].items()
        ),
        f"artefact: {found['folder']}, {found['dtype']}, {found['megabytes']} MB, all checksums equal",
        f"tensors: {', '.join(f'{name} {count}' for name, count in found['tensors'].items())}: none missing, none over",
        "one sentence:",
    ]
    for check in report["checks"]:
        mark = "ok   " if check["ok"] else "WRONG"
        line = f"  {mark} {check['name']:<40} {check['value']:>8.3f}  ({check['low']:g} to {check['high']:g})"
        lines.append(line if check["ok"] else f"{line}; suspect: {check['meaning']}")
    times = ", ".join(f"{name} {value:.2f} s" for name, value in report["seconds"].items())
    lines += [f"  {times} (compilation included)", "all is well" if report["ok"] else "something is wrong, see above"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return command_line.run(work, _define, __doc__, arguments)
