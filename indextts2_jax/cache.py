"""Where derived files live: the user's cache folder, never the package."""

import os
import pathlib
import tempfile


def cache_folder(name: str) -> pathlib.Path:
    """`$INDEXTTS2_CACHE/name`, or `indextts2_jax/name` under `$XDG_CACHE_HOME` or `~/.cache`; not created."""
    own = os.environ.get("INDEXTTS2_CACHE")
    if own:
        return pathlib.Path(own) / name
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "indextts2_jax" / name
    except RuntimeError:  # a user without a home, as in some containers
        return pathlib.Path(tempfile.gettempdir()) / f"indextts2_jax-{os.getuid()}" / name
