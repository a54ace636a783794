"""The Dockerfile and the compose file, as far as that shows without an image."""

import pathlib
import re
import shlex
import tomllib

import yaml

from indextts2_jax.commands import serve
from indextts2_jax.runtime.command_line import Flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_what_is_copied_is_there_and_let_through():
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]}
    assert copied == let_through and all((ROOT / name).exists() for name in copied)


def test_the_extras_are_there():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (named,) = re.findall(r'"\.\[([^$]*)', DOCKERFILE)
    assert set(named.split(",")) | {"cuda12", "cuda13"} <= set(extras)


def test_the_command_is_one_that_serve_takes():
    lists = [re.search(rf"^{name} \[(.*)\]$", DOCKERFILE, re.MULTILINE)[1] for name in ("ENTRYPOINT", "CMD")]
    program, command, *arguments = shlex.split(" ".join(lists).replace(",", " "))
    assert (program, command) == ("indextts2", "serve")
    own, given = Flags(), ["", *arguments]
    serve._define(own, given)
    assert own(given)[1:] == [] and own.host == "0.0.0.0" and own.api_key_file == "/keys.txt"


def test_it_runs_as_nobody_and_is_looked_after():
    assert (
        re.search(r"^USER \d{4,}$", DOCKERFILE, re.MULTILINE) and "HEALTHCHECK" in DOCKERFILE and "/ready" in DOCKERFILE
    )


def test_the_compose_file():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    (service,) = compose["services"].values()
    inside = {volume.split(":")[1] for volume in service["volumes"]}
    assert {"/keys.txt", *re.findall(r'"(/\w+)"', re.search(r"^VOLUME .*$", DOCKERFILE, re.MULTILINE)[0])} == inside
    assert set(compose["volumes"]) == {"voices", "cache"}
    assert service["ports"] == ["127.0.0.1:8000:8000"] and service["read_only"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 60  # of --drain
