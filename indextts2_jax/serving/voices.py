"""The voices that can be named: those of a folder, and the one that the server was started with.

    FOLDER/voice_1f2e….safetensors     what the model made of a recording (`indextts2 voices encode` makes them too)
    FOLDER/voice_1f2e….json            its name, when it came, and the consent that was given with it

An id is looked up in a table made from the folder's own listing and never joined to a path. The folder may be shared by
several servers: it is read again when it has changed.
"""

import contextlib
import dataclasses
import json
import logging
import pathlib
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping
from typing import Any

from indextts2_jax.errors import AudioError, ConfigError
from indextts2_jax.runtime import atomic
from indextts2_jax.serving.limits import Limits
from indextts2_jax.serving.problems import Problem
from indextts2_jax.synthesis.request import VOICE_SUFFIX

logger = logging.getLogger(__name__)

OPENAI_NAMES = (
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "onyx",
    "nova",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
)
"""The names that some clients allow only. Each means a voice of ours, the default one where nothing else is said."""

MAX_NAME = 64
MAX_CONSENT = 500
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, halves of characters, ends of lines, and what turns the direction of others around."""


@dataclasses.dataclass(frozen=True)
class Voice:
    """A voice that can be asked for."""

    id: str
    name: str
    path: pathlib.Path
    created_at: int = 0
    consent: str | None = None
    builtin: bool = False
    bytes: int = 0

    def describe(self) -> dict[str, Any]:
        """As OpenAI and Open WebUI have it, without what is nobody else's business."""
        kind = "built-in" if self.builtin else "audio_sample"
        return {
            "id": self.id,
            "name": self.name,
            "object": "audio.voice",
            "type": kind,
            "created_at": self.created_at,
        }


class Voices:
    """Finds, adds and removes voices. Methods touch the disk and may be called from any one thread at a time.

    Args:
      folder: None: nothing can be uploaded.
      default: the voice for requests that name none, and for OpenAI's names; a clip or a voice file.
      aliases: further names, of ids or names of voices: {"alloy": "anna"}.
    Raises:
      AudioError: the folder cannot be made or written. ConfigError: an alias of no voice.
    """

    def __init__(
        self,
        folder: pathlib.Path | None,
        limits: Limits,
        *,
        default: Voice | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self._limits, self._default = folder, limits, default
        self._table: dict[str, Voice] = {}
        self._stamp: tuple[int, ...] = ()
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                atomic.probe(folder)
            except OSError as error:
                raise AudioError(f"Cannot write the voices' folder {folder}: {error.strerror or error}.") from None
        self._aliases = dict(aliases or {})
        for name, meant in self._aliases.items():
            if self._named(meant) is None:
                raise ConfigError(f"The name {name!r} stands for {meant!r}, but there is no such voice.")

    # --- finding ---

    def all(self) -> list[Voice]:
        """The default first, then by name."""
        first = [self._default] if self._default is not None else []
        return first + sorted(self._read().values(), key=lambda voice: (voice.name.casefold(), voice.id))

    def find(self, name: str | None) -> Voice:
        """The voice of an id, a name, an alias or one of OpenAI's names; None: the default.

        Raises:
          Problem: there is none such (404).
        """
        found = self._default if name is None else self._named(name) or self._named(self._aliases.get(name, ""))
        if found is None and (name is None or name in OPENAI_NAMES or name == "default"):
            found = next(iter(self.all()), None)
        if found is None:
            known = ", ".join(voice.id for voice in self.all()[:8]) or "none yet: upload one to /v1/audio/voices"
            shown = "no voice is named" if name is None else f"there is no voice {name!r:.80}"
            raise Problem(
                404, f"{shown[0].upper()}{shown[1:]}; voices: {known}.", param="voice", code="voice_not_found"
            )
        return found

    def _named(self, name: str) -> Voice | None:
        table = self._read()
        if name in table:
            return table[name]
        default = [self._default] if self._default is not None else []
        wanted = unicodedata.normalize("NFC", name)
        return next((voice for voice in [*default, *table.values()] if wanted in (voice.id, voice.name)), None)

    def _read(self) -> dict[str, Voice]:
        if self.folder is None:
            return {}
        try:
            status = self.folder.stat()
        except OSError as error:
            if self._stamp:
                logger.warning("The voices' folder %s cannot be read: %s.", self.folder, error.strerror or error)
            self._table, self._stamp = {}, ()
            return self._table
        stamp = (status.st_mtime_ns, status.st_nlink)
        if stamp != self._stamp:
            files = sorted(self.folder.glob(f"*{VOICE_SUFFIX}"))
            found = [self._voice(path) for path in files if _ID.fullmatch(path.stem) and not path.is_symlink()]
            self._table = {voice.id: voice for voice in found if voice is not None}
            self._stamp = stamp
        return self._table

    def _voice(self, path: pathlib.Path) -> Voice | None:
        try:
            status = path.stat()
        except FileNotFoundError:  # another server has just deleted it
            return None
        said: Any = {}
        with contextlib.suppress(OSError, ValueError):  # a voice that was put here by hand
            said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        said = said if isinstance(said, dict) else {}
        name, consent, created = said.get("name"), said.get("consent"), said.get("created_at")
        return Voice(
            id=path.stem,
            name=name if isinstance(name, str) and name else path.stem,
            path=path,
            created_at=created if isinstance(created, int) else int(status.st_mtime),
            consent=consent if isinstance(consent, str) else None,
            bytes=status.st_size,
        )

    # --- adding, removing ---

    def reserve(self, name: str, consent: str | None) -> Voice:
        """A new voice, of which all is written but the voice file itself; `discard` it if that does not come.

        Raises:
          Problem: no folder, a bad name, a name that is taken, or too many voices (400).
        """
        if self.folder is None:
            raise Problem(400, "This server keeps no voices: start it with --voices=FOLDER.", code="no_voices")
        name = unicodedata.normalize("NFC", name.strip())
        if not 1 <= len(name) <= MAX_NAME or _HIDDEN.search(name):
            message = f"name is {name!r:.80}, but it must be 1 to {MAX_NAME} printable characters."
            raise Problem(400, message, param="name")
        consent = None if consent is None else consent.replace("\r\n", "\n")
        if consent is not None and (len(consent) > MAX_CONSENT or _HIDDEN.search(consent.replace("\n", " "))):
            raise Problem(400, f"consent must be at most {MAX_CONSENT} printable characters.", param="consent")
        if self._named(name) is not None:
            raise Problem(400, f"There is a voice {name!r} already.", param="name", code="name_taken")
        table = self._read()
        kept = sum(voice.bytes for voice in table.values())
        if len(table) >= self._limits.voices or kept >= self._limits.voice_bytes:
            raise Problem(400, f"{len(table)} voices are kept, and no more: delete one.", code="quota_exceeded")
        number = f"voice_{secrets.token_hex(12)}"
        path = self.folder / f"{number}{VOICE_SUFFIX}"
        voice = Voice(number, name, path, int(time.time()), consent)
        said = {"name": name, "consent": consent, "created_at": voice.created_at}
        try:
            with atomic.replaced_file(path.with_suffix(".json")) as new:
                new.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            logger.error("The voices' folder %s cannot be written: %s.", self.folder, error.strerror or error)
            raise Problem(503, "The voices' folder cannot be written; the server's log says why.") from None
        return voice

    def discard(self, voice: Voice) -> None:
        """Removes all that there is of a voice."""
        voice.path.unlink(missing_ok=True)
        voice.path.with_suffix(".json").unlink(missing_ok=True)
        self._stamp = ()

    def added(self, voice: Voice) -> Voice:
        """The voice, now that its file is there."""
        self._stamp = ()
        return self._read().get(voice.id, voice)

    def uploaded(self, number: str) -> Voice:
        """An uploaded voice by its id. Raises `Problem`: there is none (404), or it cannot be deleted (400)."""
        voice = self.listed(number)
        if voice is self._default:
            raise Problem(400, f"The voice {number!r} belongs to the server and stays.", param="voice_id")
        return voice

    def listed(self, number: str) -> Voice:
        """A voice by its id. Raises `Problem` (404): there is none."""
        voice = next((voice for voice in self.all() if voice.id == number), None)
        if voice is None:
            raise Problem(404, f"There is no voice {number!r:.80}.", param="voice_id", code="voice_not_found")
        return voice
