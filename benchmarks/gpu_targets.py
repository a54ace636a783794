"""GPUs as XLA is told of them, so that it compiles for one that is not there.

The figures are the makers'; the fields are those of XLA's GpuTargetConfig.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """One GPU."""

    name: str
    device: str
    """Its name among `roofline.DEVICES`, which have its peaks."""
    capability: tuple[int, int]
    cores: int
    floats_a_core: int
    shared_a_core: int
    shared_a_block: int
    """At most, if asked for; both in bytes."""
    bandwidth: int
    """GB/s."""
    cache: int
    """MB."""
    clock: float
    """GHz."""
    memory: int
    """GB."""

    def text(self) -> str:
        """The target as protobuf text."""
        major, minor = self.capability
        return f"""
            gpu_device_info {{
              threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048
              shared_memory_per_block: 49152 shared_memory_per_core: {self.shared_a_core}
              shared_memory_per_block_optin: {self.shared_a_block}
              core_count: {self.cores} fpus_per_core: {self.floats_a_core}
              block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
              memory_bandwidth: {self.bandwidth}000000000 l2_cache_size: {self.cache << 20}
              clock_rate_ghz: {self.clock} device_memory_size: {self.memory}000000000
              registers_per_core_limit: 65536 registers_per_block_limit: 65536
              cuda_compute_capability {{ major: {major} minor: {minor} }}
            }}
            platform_name: "CUDA"
            dnn_version_info {{ major: 9 minor: 8 patch: 0 }}
            runtime_version {{ major: 12 minor: 9 }}
            device_description_str: "{self.name}"
        """


TARGETS = {
    "h100": Target("NVIDIA H100 80GB HBM3", "H100", (9, 0), 132, 128, 233472, 232448, 3352, 50, 1.98, 85),
    "a100": Target("NVIDIA A100-SXM4-40GB", "A100", (8, 0), 108, 64, 167936, 166912, 1555, 40, 1.41, 42),
    "rtx3090": Target("NVIDIA GeForce RTX 3090", "RTX 3090", (8, 6), 82, 128, 102400, 101376, 936, 6, 1.695, 25),
    "rtx4090": Target("NVIDIA GeForce RTX 4090", "RTX 4090", (8, 9), 128, 128, 102400, 101376, 1008, 72, 2.52, 25),
}
