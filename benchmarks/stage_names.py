"""The stages that both sides of the comparison can run, beside "end_to_end", of each model."""

STAGES = {
    "2": ("semantic", "generation", "second_pass", "flow_matching", "vocoder"),
    "2.5": ("semantic", "generation", "semantic_codec", "flow_matching", "vocoder"),
}
