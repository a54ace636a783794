"""Glossary files: JSON always, YAML where PyYAML is installed, one-line errors for the rest."""

import sys

import pytest

from indextts2_jax.errors import ConfigError
from indextts2_jax.text.glossary import load_glossary

GLOSSARY = {"R.9": {"en": "R dot nine", "zh": "R 九"}, "ACME": "A C M E"}


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.json", '{"R.9": {"en": "R dot nine", "zh": "R 九"}, "ACME": "A C M E"}'),
        ("a.yaml", "R.9:\n  en: R dot nine\n  zh: R 九\nACME: A C M E  # both languages\n"),
    ],
)
def test_read(name, content, tmp_path):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert load_glossary(tmp_path / name) == GLOSSARY


def test_empty_yaml(tmp_path):
    (tmp_path / "a.yml").write_text("# nothing yet\n")
    assert load_glossary(str(tmp_path / "a.yml")) == {}


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.json", b"{", "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b'["R.9"]', "must map terms to readings"),
        ("a.json", b'{"": "x"}', "''"),
        ("a.json", b'{"R.9": 3}', "'R.9' is 3"),
        ("a.json", b'{"R.9": {"jp": "x"}}', "'R.9' has a reading for 'jp'"),
        ("a.json", b'{"R.9": {"en": ["x"]}}', "'R.9'"),
        ("a.json", b"\xff\xfe", "cannot be read"),
        ("a.yaml", b"a: [", "not valid YAML"),
        ("a.yaml", b"a: x\nb: y\na: z", "line 3 has 'a' a second time"),
        ("a.yaml", b"a: &x b\nc: *x", "references"),
        ("a.json", b'{"R.9": "x", "R.9": "y"}', "has 'R.9' twice"),
        ("a.yaml", b"3.5: [x]", "'3.5'"),
        ("a.yaml", b"!!python/object:os.system x", "not valid YAML"),
    ],
)
def test_refused(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as error:
        load_glossary(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_missing(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_glossary(tmp_path / "none.json")


def test_without_yaml(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "a.yaml").write_text("ACME: A C M E")
    (tmp_path / "a.json").write_text('{"ACME": "A C M E"}')
    with pytest.raises(ConfigError, match="pip install pyyaml"):
        load_glossary(tmp_path / "a.yaml")
    assert load_glossary(tmp_path / "a.json") == {"ACME": "A C M E"}
