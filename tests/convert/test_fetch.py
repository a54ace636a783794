"""`python -m convert --fetch` against a small stand-in of the hub's HTTP interface on loopback."""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

import pytest

from convert import fetch

HOME = pathlib.Path(__file__).parents[2]

LARGE = 24 << 20
"""Bytes: the library writes down what it has 10 MB at a time."""


class Hub:
    """Serves `files`, {repository: {name: bytes}}, at the pinned revisions; `cut` says how often to break off which."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        for repository in (*fetch.REPOSITORIES, fetch.QWEN):
            own = self.files.setdefault(repository.name, {"unwanted.bin": b"x" * 99})
            for number, name in enumerate(repository.files):
                if "*" not in name:
                    own[name] = f"{repository.name} {name} ".encode() * (50 + number)
        self.files[fetch.HOME] |= {
            "LICENSE.txt": b"licence",
            f"{fetch.CLASSIFIER}/model.safetensors": b"q" * 500,
            f"{fetch.CLASSIFIER}/config.json": b"{}",
        }
        self.revisions = {one.name: one.revision for one in fetch.REPOSITORIES}
        self.cut: dict[str, int] = {}
        self.asked: list[tuple[str, str, str]] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args) -> None:
                pass

            def do_HEAD(self) -> None:
                self.do_GET(body=False)

            def do_GET(self, body: bool = True) -> None:
                hub.answer(self, body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request, body: bool) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(request.path).path).strip("/")
        self.asked.append((request.command, path, request.headers.get("Range", "")))
        for name, files in self.files.items():
            revision = self.revisions[name]
            if path.startswith(f"api/models/{name}/"):
                siblings = [{"rfilename": file, "size": len(data)} for file, data in files.items()]
                tree = [
                    {"type": "file", "path": file, "size": len(data), "oid": f"{len(data):040x}"}
                    for file, data in files.items()
                ]
                answers = {
                    f"revision/{revision}": {"id": name, "sha": revision, "siblings": siblings},
                    f"tree/{revision}": tree,
                }
                answer = answers.get(path.removeprefix(f"api/models/{name}/"))
                if answer is None:
                    break
                return self.send(request, json.dumps(answer).encode(), {}, body)
            prefix = f"{name}/resolve/{revision}/"
            if path.startswith(prefix) and path.removeprefix(prefix) in files:
                file = path.removeprefix(prefix)
                headers = {"X-Repo-Commit": revision, "ETag": f'"{len(files[file]):040x}"', "Accept-Ranges": "bytes"}
                return self.send(request, files[file], headers, body, file)
        request.send_response(404)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return None

    def send(self, request, data: bytes, headers: dict[str, str], body: bool, file: str = "") -> None:
        start = 0
        wanted = request.headers.get("Range")
        if wanted:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            headers = {**headers, "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        request.send_response(206 if wanted else 200)
        for name, value in {**headers, "Content-Length": str(len(data) - start)}.items():
            request.send_header(name, value)
        request.end_headers()
        if body:
            if self.cut.get(file, 0) > 0:
                self.cut[file] -= 1
                request.wfile.write(data[start : LARGE // 2])  # nothing at all the next time
                request.wfile.flush()
                request.close_connection = True
                return
            request.wfile.write(data[start:])


@pytest.fixture
def hub():
    hub = Hub()
    yield hub
    hub.server.shutdown()


def run(hub: Hub, folder: pathlib.Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder.parent / "hf_home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "*",
    }
    command = [sys.executable, "-m", "convert", "--fetch", f"--source={folder}", *more]
    return subprocess.run(command, cwd=HOME, env=environment, capture_output=True, text=True, timeout=300)


def fetched(folder: pathlib.Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_all_that_is_needed_is_fetched_and_said(hub, tmp_path):
    done = run(hub, tmp_path / "published")
    assert done.returncode == 0, done.stderr
    files = fetched(tmp_path / "published")
    for repository in fetch.REPOSITORIES:
        assert f"{repository.name}@{repository.revision[:7]}" in done.stdout
        assert repository.licence in done.stdout and "GB in all" in done.stdout
        for name in repository.files:
            if "*" not in name:
                path = str(pathlib.PurePosixPath(repository.folder, name))
                assert files[path] == hub.files[repository.name][name]
    assert "LICENSE.txt" in files and not any("qwen" in name or "unwanted" in name for name in files)
    asked = len([1 for verb, path, _ in hub.asked if verb == "GET" and "/resolve/" in path])
    assert run(hub, tmp_path / "published").returncode == 0  # all is there: nothing is sent again
    assert len([1 for verb, path, _ in hub.asked if verb == "GET" and "/resolve/" in path]) == asked


def test_the_classifier_comes_when_asked_for(hub, tmp_path):
    done = run(hub, tmp_path / "published", "--with_qwen")
    assert done.returncode == 0, done.stderr
    assert fetched(tmp_path / "published")[f"{fetch.CLASSIFIER}/model.safetensors"] == b"q" * 500
    assert "Qwen3-0.6B" in done.stdout


def test_a_broken_connection_is_taken_up_where_it_broke(hub, tmp_path):
    hub.files[fetch.HOME]["gpt.pth"] = bytes(range(256)) * (LARGE // 256)
    hub.cut = {"gpt.pth": 1}
    assert run(hub, tmp_path / "published").returncode == 0
    assert fetched(tmp_path / "published")["gpt.pth"] == hub.files[fetch.HOME]["gpt.pth"]
    ranges = [range_ for verb, path, range_ in hub.asked if verb == "GET" and path.endswith("/gpt.pth")]
    assert ranges[0] == "" and int(ranges[-1].removeprefix("bytes=").split("-")[0]) >= 10 << 20


def test_a_hub_that_breaks_off_for_good_is_said_and_what_came_is_kept(hub, tmp_path):
    hub.files[fetch.HOME]["gpt.pth"] = bytes(range(256)) * (LARGE // 256)
    hub.cut = {"gpt.pth": 99}
    broken = run(hub, tmp_path / "published")
    assert broken.returncode == 2 and "Cannot fetch IndexTeam/IndexTTS-2" in broken.stderr.strip().splitlines()[-1]
    assert "run the same command again" in broken.stderr
    assert not (tmp_path / "published" / "gpt.pth").exists()
    kept = set(fetched(tmp_path / "published"))
    hub.cut, hub.asked = {}, []
    assert run(hub, tmp_path / "published").returncode == 0
    assert fetched(tmp_path / "published")["gpt.pth"] == hub.files[fetch.HOME]["gpt.pth"]
    again = {path.split("/resolve/")[1][41:] for verb, path, _ in hub.asked if verb == "GET" and "/resolve/" in path}
    assert kept and not again & kept


def test_a_missing_file_and_a_silent_hub_are_one_line(hub, tmp_path):
    del hub.files[fetch.HOME]["s2mel.pth"]
    done = run(hub, tmp_path / "published")
    assert done.returncode == 2 and "has no s2mel.pth" in done.stderr and not (tmp_path / "published").exists()
    hub.revisions = dict.fromkeys(hub.revisions, "0" * 40)
    assert run(hub, tmp_path / "published").returncode == 2


def test_the_layout_is_where_the_converter_looks(tmp_path):
    from convert.search import AUXILIARIES, Search

    search = Search(tmp_path)
    for repository in fetch.REPOSITORIES[1:]:
        name = repository.files[0]
        path = tmp_path / repository.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for part in AUXILIARIES:
        assert search.auxiliary(part).is_file()
    assert not search.missing and not search.notes
