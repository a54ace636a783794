"""`python -m benchmarks.second_pass --checkpoint=DIR [--peer=torch]`: the latents of finished codes.

The flags are those of `comparison.py`.
"""

from benchmarks import comparison
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(comparison.run("second_pass"))
