"""`python -m benchmarks.vocoder --checkpoint=DIR [--peer=torch]`: BigVGAN.

The flags are those of `comparison.py`.
"""

from benchmarks import comparison
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(comparison.run("vocoder"))
