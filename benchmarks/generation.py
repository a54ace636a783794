"""`python -m benchmarks.generation --checkpoint=DIR [--peer=torch]`: conditioning and codes.

The flags are those of `comparison.py`.
"""

from benchmarks import comparison
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(comparison.run("generation"))
