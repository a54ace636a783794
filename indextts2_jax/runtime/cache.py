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


def use_compilation_cache(folder: str | os.PathLike[str] | None = None) -> None:
    """Keeps on the disk all that XLA compiles, so that later processes start in seconds.

    Call it before the first computation. It changes JAX's configuration for the whole process, so nothing in this
    package does it by itself: the command lines do, and other programs may.

    Args:
      folder: by default the one that JAX is already set to (`$JAX_COMPILATION_CACHE_DIR`), else `cache_folder("xla")`;
        "" switches the cache off.
    """
    import jax

    if folder is None:
        folder = getattr(jax.config, "jax_compilation_cache_dir") or cache_folder("xla")  # noqa: B009 (mypy knows it not)
    jax.config.update("jax_compilation_cache_dir", os.fspath(folder) or None)
    # JAX would keep only what took a second to compile; reading dozens of small ones costs less than making them
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
