"""`python -m benchmarks.flow_matching --checkpoint=DIR [--peer=torch]`: 25 Euler steps of the velocity network, guided.

The flags are those of `comparison.py`.
"""

from benchmarks import comparison
from indextts2_jax.runtime.process import leave

if __name__ == "__main__":
    leave(comparison.run("flow_matching"))
