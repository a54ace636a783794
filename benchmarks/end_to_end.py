"""`python -m benchmarks.end_to_end --checkpoint=DIR [--peer=torch]`: every stage and the whole, timed.

The flags are those of `comparison.py`.
"""

from benchmarks import comparison
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(comparison.run())
