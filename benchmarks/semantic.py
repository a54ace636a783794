"""`python -m benchmarks.semantic --checkpoint=DIR [--peer=torch]`: w2v-bert, twice as the reference.

The flags are those of `comparison.py`.
"""

from benchmarks import comparison
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(comparison.run("semantic"))
