"""Published folders that are damaged, hostile or merely odd: one line, exit code 2, in bounded time; or a warning."""

import json
import re
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from convert import __main__ as cli
from convert import known
from convert.fetch import REPOSITORIES
from indextts2_jax.checkpoint.tensors import Digest
from tests.convert.fake_checkpoint import AUXILIARY, OWN, components
from tests.convert.test_emotion_text import TEMPLATE, folder  # noqa: F401
from tests.convert.test_published import edit


def refused(capsys, published, pattern, seconds=3.0):
    start = time.thread_time()
    code = cli.main([f"--source={published}", f"--output={published.parent}/out"])
    took = time.thread_time() - start
    err = capsys.readouterr().err
    assert code == 2 and err.count("\n") == 1 and "Traceback" not in err, err
    assert err.rstrip("\n").isprintable() and len(err) < 1500, err
    assert re.search(pattern, err), err
    assert took < seconds
    assert not (published.parent / "out").exists()


def bomb(levels, width=9, form="[{}]"):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} {form.format(', '.join([f'*a{n - 1}'] * width))}" for n in range(1, levels)]
    return "\n".join(lines)


LARGE = "A" * 50_000
YAML = {
    "references, as the version": f"{bomb(9)}\nversion: *a8",
    "references, as a size": f"{bomb(9)}\ngpt: {{layers: *a8}}",
    "references, unused": bomb(25, 2),
    "references as keys": "a: &a {x: 1}\nb: {? *a : 1}",
    "merged": "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))]),
    "one long text many times": f"a: &a {LARGE}\nversion: [{', '.join(['*a'] * 2000)}]",
    "itself": "version: &a [*a]",
    "itself as a mapping": "gpt: &a {layers: *a}",
    "depth": "[" * 5000,
    "depth of mappings": "{a: " * 5000,
    "depth of blocks": "- " * 5000 + "a",
    "a tag of Python": "version: !!python/object/apply:os.system ['true']",
    "an integer of nothing": "version: !!int ''",
    "a boolean of nothing": "version: !!bool maybe",
    "a time of nothing": "version: !!timestamp maybe",
    "a date that is none": "version: 2026-99-99",
    "base 60 beyond floats": f"version: {':'.join(['59'] * 400)}.5",
    "digits": f"version: {'9' * 5000}",
    "size": "# " + "x" * 300_000,
    "several documents": "a: 1\n---\nb: 2",
    "a list": "[1, 2]",
    "nothing": "",
    "zeros": "\0" * 100,
    "UTF-16": "gpt: 1".encode("utf-16").decode("latin-1"),
}


@pytest.mark.parametrize("case", YAML)
def test_yaml_that_is_a_trap(published, capsys, case):
    (published / "config.yaml").write_bytes(YAML[case].encode("latin-1"))
    refused(capsys, published, r"config\.yaml (is not|grows|is too large)")


VALUES = {
    "a large number": "0x" + "f" * 5000,
    "digits": "9" * 400,
    "no number": ".nan",
    "no end": ".inf",
    "lines": '"2.5\\nerror: all is well"',
    "an escape": '"\\e[2J"',
    "half a character": '"\\uD800"',
    "length": f'"{LARGE}"',
    "a list": f"[{', '.join(['1'] * 1000)}]",
    "a truth": "true",
    "a set": "!!set {a, b}",
    "bytes": "!!binary aGVsbG8=",
    "a date": "2026-08-12",
}


@pytest.mark.parametrize("key", ["gpt.layers", "emo_num", "vocoder.type"])
@pytest.mark.parametrize("case", VALUES)
def test_values_that_are_none(published, capsys, case, key):
    edit(published, key, "HERE")
    text = (published / "config.yaml").read_text()
    (published / "config.yaml").write_text(text.replace("HERE", VALUES[case]))
    refused(capsys, published, rf"config\.yaml: {re.escape(key)}|config\.yaml is not readable")


@pytest.mark.parametrize("case", VALUES)
def test_versions_that_are_none(published, capsys, case):
    edit(published, "version", "HERE")
    text = (published / "config.yaml").read_text()
    (published / "config.yaml").write_text(text.replace("HERE", VALUES[case]))
    refused(capsys, published, r"only IndexTTS-2 can be converted|config\.yaml is not readable")


NAMES = ["..", "a/..", "x" * 300, "a\0b", "a\nb", "\x1b[2J", "~", " ", "ö" * 120, "C:\\", "none.xyz"]


@pytest.mark.parametrize("key", ["gpt_checkpoint", "w2v_stat", "dataset.bpe_model"])
@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_that_are_none(published, capsys, key, name):
    edit(published, key, name)
    refused(capsys, published, r"names no file|missing: ")


@pytest.mark.parametrize("name", [".", "/", "", "gpt", "gpt.bin", "runs/gpt.pth/", 7, None, ["gpt.pth"]])
def test_names_that_say_nothing_or_the_usual(published, name):
    edit(published, "gpt_checkpoint", name)
    assert cli.main([f"--source={published}", f"--output={published.parent}/out"]) == 0


MANY = {
    "gpt.layers": 1_000_000,
    "gpt.condition_module.num_blocks": 100_000,
    "gpt.emo_condition_module.num_blocks": 100_000,
    "semantic_codec.vocos_num_layers": 999_999,
    "s2mel.DiT.depth": 500_000,
    "s2mel.wavenet.num_layers": 300_000,
    "s2mel.length_regulator.sampling_ratios": [1] * 5_000,
    "emo_num": [1] * 9,
    "gpt.heads": 7,
    "gpt.start_mel_token": 900_000,
}


@pytest.mark.parametrize("key", MANY)
def test_sizes_beyond_all_bounds(published, capsys, key):
    edit(published, key, MANY[key])
    refused(capsys, published, "configuration (cannot be converted|makes no sense)")


@pytest.mark.parametrize("key", ["upsample_rates", "resblock_kernel_sizes", "resblock_dilation_sizes"])
def test_lists_beyond_all_bounds(published, capsys, key):
    edit(published, key, [[1, 3, 5]] * 5000 if "dil" in key else [2] * 5000, "hf_cache/bigvgan/config.json")
    refused(capsys, published, "configuration cannot be converted: config")


@pytest.mark.parametrize("file", ["w2v-bert-2.0", "bigvgan"])
@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"9" * 6000, b" " * (2 << 20)]
)
def test_json_that_is_none(published, capsys, file, content):
    (published / "hf_cache" / file / "config.json").write_bytes(content)
    refused(capsys, published, r"config\.json")


# --- templates ------------------------------------------------------------------------------------------------

TEMPLATES = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "loops that write": "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "calls itself twice": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "a recursive loop": "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}",
    "a power": "{{ 10 ** 10 ** 10 }}",
    "a power of a variable": "{{ (messages | length) ** 10 ** 10 }}",
    "a product": "{{ 'x' * 10 ** 11 }}",
    "a product of a variable": "{{ messages[1].content * 10 ** 11 }}",
    "doubling": "{% set n = namespace(x='xx') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "width": "{{ messages[1].content.center(10 ** 11) }}",
    "a format": "{{ '{:100000000000}'.format(1) }}",
    "percent": "{{ '%0100000000000d' | format(1) }}",
    "a list": "{{ [0] * 10 ** 11 }}",
    "a sorted product": "{{ ([1] * 10 ** 9) | sort | length }}",
    "a long output": "{{ 'x' * 10 ** 7 }}{{ messages[1].content }}",
    "deep brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep ifs": "{% if true %}" * 3000 + "{% endif %}" * 3000,
    "deep negation": "{{ " + "not " * 50_000 + "true }}",
    "an include": "{% include '/etc/passwd' %}",
    "an import": "{% import 'os' as os %}",
    "a class": "{{ ().__class__.__base__.__subclasses__() }}",
    "a format that reads": "{{ '{0.__class__.__init__.__globals__}'.format(messages) }}",
    "lines in an error": "{{ raise_exception('a\nb') }}",
    "half a character": "\\ud800{{ messages[1].content | upper }}",
}


@pytest.mark.parametrize("case", TEMPLATES)
def test_templates_that_are_traps(published, folder, capsys, case):  # noqa: F811
    (folder / "chat_template.jinja").write_text(TEMPLATES[case], encoding="utf-8")
    refused(capsys, published, "The chat template of the emotion classifier (cannot be rendered|changes the text)", 6)


def test_a_trap_in_the_tokenizers_configuration(published, folder, capsys):  # noqa: F811
    (folder / "chat_template.jinja").unlink()
    edit(folder.parent, "chat_template", TEMPLATES["loops"], f"{folder.name}/tokenizer_config.json")
    refused(capsys, published, "takes more time or memory than a template may", 6)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("chat_template.jinja", b"\xff\xfe"),
        ("chat_template.jinja", b"x" * (2 << 20)),
        ("config.json", b"[" * 100_000),
        ("tokenizer_config.json", b"{"),
        ("generation_config.json", b'{"eos_token_id": [' + b"1," * 100_000 + b"-1]}"),
        ("generation_config.json", b'{"eos_token_id": ' + b"9" * 4000 + b"}"),
        ("config.json", json.dumps({"model_type": "qwen3\nerror: fine", "rope_theta": 10**400}).encode()),
        ("tokenizer.json", b'{"model": {"vocab": {"a": ' + b"9" * 4000 + b'}}, "added_tokens": []}'),
        ("tokenizer.json", b'{"model": {"vocab": {"a": "b"}}, "added_tokens": []}'),
        ("tokenizer.json", b"[" * 100_000),
    ],
)
def test_bad_files_of_the_classifier(published, folder, capsys, file, content):  # noqa: F811
    (folder / file).write_bytes(content)
    refused(capsys, published, "emotion classifier|jinja|json")


def test_a_good_template_is_quick(published, folder):  # noqa: F811
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    assert cli.main([f"--source={published}", f"--output={published.parent}/out"]) == 0


# --- numbers --------------------------------------------------------------------------------------------------


def rewrite(published, component, change):
    tensors = components()[component]
    change(tensors)
    name = {**OWN, **AUXILIARY}[component]
    save_file(tensors, (published / name).with_suffix(".safetensors"))


NETWORK = {"stats": "w2v_bert", "feat1": "emotion", "feat2": "emotion"}


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("component", components())
def test_another_type_is_said(published, capsys, component, dtype):
    """Of one tensor as of all."""
    floats = [name for name, array in components()[component].items() if array.dtype == np.float32]
    names = {name for name in floats if not name.startswith("encoder.layers.2")}
    for chosen in (names, sorted(names)[:1]):
        rewrite(published, component, lambda t: t.update({name: t[name].astype(dtype) for name in chosen}))  # noqa: B023
        assert cli.main([f"--source={published}", f"--output={published.parent}/out"]) == 0
        out = capsys.readouterr().out
        network = NETWORK.get(component, component)
        warning = rf"WARNING: {network}: {len(chosen)} of \d+ tensors in {dtype}, where the publisher has float32"
        assert re.search(warning, out), out
        assert out.count("the publisher has float32") == 1


def test_every_type_of_one_network_is_said(published, capsys):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.from_numpy(array) for name, array in components()["gpt"].items()}
    tensors["gpt.h.0.w"], tensors["gpt.h.1.w"] = tensors["gpt.h.0.w"].half(), tensors["gpt.h.1.w"].bfloat16()
    (published / "gpt.safetensors").unlink()
    torch.save(tensors, published / "gpt.pth")
    assert cli.main([f"--source={published}", f"--output={published.parent}/out"]) == 0
    assert "gpt: 1 of 4 tensors in bfloat16 and 1 of 4 tensors in float16, where" in capsys.readouterr().out


def test_the_published_types_are_not_remarked(published, folder, capsys):  # noqa: F811
    assert cli.main([f"--source={published}", f"--output={published.parent}/out"]) == 0
    assert "where the publisher has" not in capsys.readouterr().out


ZEROED = [(c, name) for c, t in components().items() for name in t if name not in ("conv.counter",)]


@pytest.mark.parametrize(("component", "name"), ZEROED)
def test_a_tensor_of_zeros_is_named_or_refused(published, capsys, component, name):
    rewrite(published, component, lambda tensors: tensors.update({name: np.zeros_like(tensors[name])}))
    code = cli.main([f"--source={published}", f"--output={published.parent}/out"])
    out, err = capsys.readouterr()
    if name.endswith("weight_v"):
        assert code == 2 and "NaN" in err  # a direction of no length
    elif name.startswith("encoder.layers.2"):
        assert code == 0 and "nothing but zeros" not in out  # dropped: nobody looks at it
    else:
        network, shown = NETWORK.get(component, component), f"stats.{name}" if component == "stats" else name
        assert (
            code == 0 and f"WARNING: nothing but zeros, which a trained network rarely has: {network}: {shown}." in out
        )


# --- what the publisher's files look like ----------------------------------------------------------------------


def test_the_publishers_own_files_are_known(shared):
    from indextts2_jax.checkpoint.tensors import digest_file

    files = {"tokenizer": "bpe.model", "feat1": "feat1.pt", "feat2": "feat2.pt", "stats": "wav2vec2bert_stats.pt"}
    files["config"] = "config.yaml"
    found = {part: (name, digest_file(shared / "assets" / name)) for part, name in files.items()}
    verdict = known.compare(found)
    assert sorted(verdict.same) == sorted(files.values()) and not verdict.different and not verdict.unknown
    part, (name, digest) = "feat1", found["feat1"]
    other = digest._replace(sha256="0" * 64)
    (line,) = known.compare({part: (name, other)}).different
    assert line == "feat1.pt is not the published feat1.pt: its SHA-256 begins 00000000 instead of f219cb44"


@pytest.mark.parametrize("part", known.FILES)
def test_a_file_of_another_size_is_named(part):
    one = known.FILES[part][0]
    (line,) = known.compare({part: (one.name, Digest(one.size + 1, one.sha256 + "0" * 56))}).different
    assert f"{one.size + 1:,} bytes instead of {one.size:,}" in line
    assert known.compare({part: (one.name, Digest(one.size, one.sha256 + "0" * 56))}).same == [one.name]


@pytest.mark.parametrize("part", known.OF_2_5)
def test_a_file_of_2_5_is_called_one(part):
    one = known.FILES[part][0]
    (line,) = known.compare({part: (one.name, Digest(known.OF_2_5[part], "0" * 64))}).different
    assert "is the size of IndexTTS-2.5's" in line


def test_every_file_that_is_fetched_is_known():
    names = {pattern.rpartition("/")[2] for one in REPOSITORIES for pattern in one.files}
    names -= {"LICENSE*", "README.md"}
    assert names == {one.name for files in known.FILES.values() for one in files} - {"tokenizer.json"}


def test_a_conversion_says_what_is_not_the_publishers(published, capsys):
    assert cli.main([f"--source={published}", f"--output={published.parent}/out"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"WARNING: bpe\.model is not the published bpe\.model: [\d,]+ bytes instead of 475,997\.", out)
    assert re.search(r"Not compared, as the publisher has other formats: .*gpt\.safetensors", out)
