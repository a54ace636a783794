"""What XLA would run on a GPU: reading a program in any environment, compiling one where the GPU's libraries are."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from benchmarks import gpu_compile, gpu_program, tpu_compile
from benchmarks.gpu_targets import TARGETS
from indextts2_jax.runtime import command_line

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAM = """\
HloModule jit_f, is_scheduled=true

%fused (p: f32[4]) -> f32[4] {
  %p = f32[4]{0} parameter(0)
  ROOT %t = f32[4]{0} tanh(%p)
}

%inner_body (p: (s32[], f32[4])) -> (s32[], f32[4]) {
  %p.1 = (s32[], f32[4]{0}) parameter(0)
  %g.1 = f32[4]{0} get-tuple-element(%p.1), index=1
  %f.1 = f32[4]{0} fusion(%g.1), kind=kLoop, calls=%fused
  %f.2 = f32[4]{0} fusion(%f.1), kind=kLoop, calls=%fused
  ROOT %r.1 = (s32[], f32[4]{0}) tuple(%g.1, %f.2)
}

%body (p: (s32[], f32[4])) -> (s32[], f32[4]) {
  %p.2 = (s32[], f32[4]{0}) parameter(0)
  %w.1 = (s32[], f32[4]{0}) while(%p.2), body=%inner_body, backend_config={"known_trip_count":{"n":"5"}}
  %g.2 = f32[4]{0} get-tuple-element(%w.1), index=1
  %c.1 = f32[4]{0} copy(%g.2)
  %l.1 = (f32[4]{0}, s8[64]{0}) custom-call(%c.1, %c.1), custom_call_target="__cublas$gemm"
  %k.1 = f32[4]{0} custom-call(%c.1), custom_call_target="__triton_nested_gemm_fusion"
  ROOT %r.2 = (s32[], f32[4]{0}) tuple(%g.2, %k.1)
}

ENTRY %main (a: f32[4]) -> f32[4] {
  %a = f32[4]{0} parameter(0)
  %b = f32[2,2]{1,0} bitcast(%a)
  %f.3 = f32[4]{0} fusion(%a), kind=kLoop, calls=%fused
  %w.2 = (s32[], /*index=1*/f32[4]{0:T(2)}) while(%f.3), condition=%cond, body=%body
  ROOT %g.3 = f32[4]{0} get-tuple-element(%w.2), index=1
}
"""


def test_what_a_program_is_made_of():
    program = gpu_program.read(PROGRAM)
    (loop,) = program.loops
    assert (program.launches, program.library_calls, program.copies) == (1, 0, 0)
    assert loop == gpu_program.Loop(launches=5 * 2 + 3, library_calls=1, copies=1, trips=None)
    assert program.total == 14


def test_a_program_of_this_machine():
    """Its loops are found, and how often they run."""

    def twice(x: jax.Array) -> jax.Array:
        x = jax.lax.fori_loop(0, 7, lambda i, x: jnp.tanh(x @ x), x)
        return jax.lax.while_loop(lambda x: x.sum() > 1, lambda x: x / 2, x)

    text = jax.jit(twice).lower(jax.ShapeDtypeStruct((64, 64), jnp.float32)).compile().as_text()
    program = gpu_program.read(text)
    assert {loop.trips for loop in program.loops} >= {7} and len(program.loops) == 2
    assert all(loop.launches for loop in program.loops)


def test_targets_are_described():
    for target in TARGETS.values():
        text = target.text()
        assert text.count("{") == text.count("}") == 4 and f'"{target.name}"' in text
    assert "l2_cache_size: 52428800" in TARGETS["h100"].text()


def test_the_table_has_a_column_a_gpu():
    """A stage that does not compile says so in its place."""
    one = {"stage": "decode", "requests": 8, "beams": 3, "dtype": "int8", "compiled": True, "launches": 61}
    one |= {"launches_a_step": 168, "temporary_mb": 2.4, "expected_ms": 126.97}
    two = {"stage": "decode", "requests": 8, "beams": 3, "dtype": "int8", "compiled": False, "error": "no tiles"}
    head, _, row = gpu_compile.table([{"gpu": "h100", **one}, {"gpu": "rtx3090", **two}]).split("\n")
    assert head == "| stage | requests, beams, type | H100 | RTX 3090 |"
    assert row == "| decode | 8, 3, int8 | 61 + 168; 2 MB; 127.0 ms | does not compile: no tiles |"


def test_an_unknown_gpu(capsys):
    assert command_line.run(gpu_compile.main, gpu_compile.define_flags, "", ["--gpus=h100,voodoo"]) == 2
    assert "voodoo" in capsys.readouterr().err


def test_compiling_for_a_gpu(tmp_path):
    own = ROOT / ".gpu" / "bin" / "python"
    here = importlib.util.find_spec("jax_plugins") and importlib.util.find_spec("jax_plugins.xla_cuda12")
    if not own.exists() and not here:
        pytest.skip("JAX has no libraries of NVIDIA here: python3 -m venv .gpu && .gpu/bin/pip install -e '.[cuda12]'")
    path = tmp_path / "rows.json"
    stages = ["decode", "flow matching", "vocoder"]
    command = [own if own.exists() else sys.executable, "-m", "benchmarks.gpu_compile", "--size=tiny", "--gpus=rtx4090"]
    command += [f"--stages={','.join(stages)}", "--requests=1", "--beams=3", "--dtypes=bfloat16", f"--json={path}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    subprocess.run(command, check=True, cwd=ROOT, timeout=300, env=environment)
    rows = {row["stage"]: row for row in json.loads(path.read_text("utf-8"))}
    assert set(rows) == set(stages) and all(row["compiled"] for row in rows.values())
    assert rows["decode"]["launches_a_step"] > 20 and rows["vocoder"]["launches"] > 20


def test_compiling_for_a_tpu(tmp_path, capsys):
    """The script's own environment, where there is one; elsewhere it says what to install."""
    own = ROOT / ".tpu" / "bin" / "python"
    if not own.exists():
        if importlib.util.find_spec("libtpu") is None:
            assert command_line.run(tpu_compile.main, tpu_compile.define_flags, "", []) == 2
            assert "jax[tpu]" in capsys.readouterr().err
        pytest.skip("JAX has no library of a TPU here: python3 -m venv .tpu && .tpu/bin/pip install -e . 'jax[tpu]'")
    path = tmp_path / "rows.json"
    stages = ["decoder, prompt", "decoder, codes", "flow matching"]
    command = [own, "-m", "benchmarks.tpu_compile", "--size=tiny", f"--json={path}"]
    command += [f"--stage={stage}" for stage in stages]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    subprocess.run(command, check=True, cwd=ROOT, timeout=900, env=environment)
    rows = json.loads(path.read_text("utf-8"))
    assert [row["stage"] for row in rows] == stages and all(row["compiled"] for row in rows)
