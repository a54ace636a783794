"""Rows in, WAV files and entries of the report out: what every process of a batch does, on one machine or many."""

import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from indextts2_jax.audio import write as audio_write
from indextts2_jax.commands.batch.rows import Row, check_no_link, unexpected
from indextts2_jax.config import Config
from indextts2_jax.dialogue.times import said_in, write_times
from indextts2_jax.errors import IndexTTSError
from indextts2_jax.pipeline.batches import spread
from indextts2_jax.synthesis.request import CheckedRequest
from indextts2_jax.synthesis.speech import Speech
from indextts2_jax.synthesis.synthesizer import IndexTTS2

Entry = dict[str, Any]


class Speaker:
    """Speaks rows with one model, in batches over all devices of this process."""

    def __init__(self, checkpoint: str, config: Config, output: pathlib.Path, at_once: int) -> None:
        """Raises what `IndexTTS2.from_pretrained` does."""
        self.tts = IndexTTS2.from_pretrained(checkpoint, config=config)
        if jax.local_device_count() > 1:
            self.tts.params = spread(self.tts.params, jax.local_devices())
        self.output = output
        self.at_once = at_once

    def speak(self, rows: Sequence[Row]) -> Iterator[Entry]:
        """Speaks the rows, those of the same settings together: an entry for each, when its file is there."""
        groups: dict[Config, list[tuple[Row, CheckedRequest]]] = {}
        for row in rows:
            try:
                checked = self.tts.check(row.request(), row.config)
            except IndexTTSError as error:
                yield failure(row, error)
            except Exception as error:  # of whatever kind: no line stops another
                yield failure(row, unexpected(error))
            else:
                groups.setdefault(row.config, []).append((row, checked))
        for config, group in groups.items():
            size = 1 if config.duration.target_seconds else self.at_once
            for first in range(0, len(group), size):
                yield from self._speak(group[first : first + size])

    def _speak(self, group: Sequence[tuple[Row, CheckedRequest]]) -> Iterator[Entry]:
        start = time.perf_counter()
        checked = [one for _, one in group]
        try:
            results = self.tts.speak_each(checked, at_once=self.at_once) if len(group) > 1 else None
        except Exception:  # too large together, or one of them is at fault: each by itself tells
            results = None
        results = results or [self._alone(one) for one in checked]
        seconds = (time.perf_counter() - start) / len(group)
        for (row, _), result in zip(group, results, strict=True):
            try:
                if isinstance(result, IndexTTSError):
                    raise result
                check_no_link(self.output, row.output)  # they were checked before the work; it has taken a while
                audio_write.write_audio(self.output / row.output, result.audio, result.sampling_rate)
                if row.times:
                    check_no_link(self.output, row.times, "times")
                    write_times(self.output / row.times, [said_in(result)], row.times_by)
            except IndexTTSError as error:
                yield failure(row, error)
                continue
            yield {
                "line": row.number,
                "ok": True,
                "output": row.output,
                "audio_seconds": round(result.duration, 3),
                "seconds": round(seconds, 3),
                "together": len(group),
                "warnings": result.warnings,
                "key": row.key,
            }

    def _alone(self, checked: CheckedRequest) -> Speech | IndexTTSError:
        try:
            return self.tts.speak(checked)
        except IndexTTSError as error:
            return error
        except Exception as error:  # of whatever kind: no line stops another
            return IndexTTSError(unexpected(error))


def failure(row: Row, error: object) -> Entry:
    """The entry of a row that could not be spoken."""
    reason = " ".join(str(error).split())
    return {"line": row.number, "ok": False, "output": row.output, "error": reason, "key": row.key}
