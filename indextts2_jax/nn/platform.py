"""Where new computations go, for what is written differently for a CPU and for a GPU."""

import jax


def platform() -> str:
    """The one of `jax.default_device` where it is set, so that a CPU beside a GPU computes as one: cpu, gpu, tpu."""
    device = getattr(jax.config, "jax_default_device")  # noqa: B009 (mypy knows it not)
    if device is None:
        return jax.default_backend()
    name = device if isinstance(device, str) else device.platform
    return {"cuda": "gpu", "rocm": "gpu"}.get(name, name)
