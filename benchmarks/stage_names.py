"""The stages that both sides of the comparison can run, beside "end_to_end"."""

STAGES = ("semantic", "generation", "second_pass", "flow_matching", "vocoder")
