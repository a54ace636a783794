"""Errors that a person reads: one line, what is wrong, where, what to do.

The Python interface raises them; the command lines print their text on stderr and exit with code 2.
"""


class IndexTTSError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(IndexTTSError, ValueError):
    """A configuration key that does not exist, or a value outside its range."""


class CheckpointError(IndexTTSError):
    """A checkpoint or artefact that is missing, damaged, incomplete or of another version."""


class AudioError(IndexTTSError, ValueError):
    """A reference clip that cannot be used, or audio that cannot be written."""


class TextError(IndexTTSError, ValueError):
    """Text that cannot be spoken."""


class EmotionError(IndexTTSError, ValueError):
    """An emotion vector, name or weight that makes no sense."""


class ManifestError(IndexTTSError, ValueError):
    """A training manifest or a row of it that cannot be used."""


class TrainingError(IndexTTSError):
    """A run that cannot start, go on or be exported: data, checkpoints or parameters do not fit."""


def require(condition: bool, key: str, value: object, rule: str) -> None:
    """Raises `ConfigError` that names the key, its value and the rule it breaks, unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{key} is {value!r}, but it must be {rule}.")
