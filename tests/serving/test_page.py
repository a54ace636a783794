"""The page in a real browser: Debian's chromium, headless, by playwright. Skipped where either is missing."""

import re
import shutil
import time
from collections.abc import Iterator

import httpx
import pytest

from indextts2_jax.checkpoint import bundled
from tests.serving.conftest import KEY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, live):
    context = browser.new_context(accept_downloads=True, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(30_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith((live.url, "blob:", "data:")) else faults.append(request.url),
    )
    page.add_init_script(f"sessionStorage.setItem('key', '{KEY}')")
    page.goto(live.url)
    wait(page, "document.querySelector('#voice').options.length > 0")
    yield page
    context.close()
    assert faults == []


def wait(page, condition: str, seconds: float = 30.0) -> None:
    """Until an expression is true; playwright's own way is an eval, which the page forbids."""
    until = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < until, condition
        time.sleep(0.05)


SLIDE = """([id, value]) => {
    const slider = document.getElementById(id);
    slider.value = value;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
}"""


def speak(page, text: str = "Hello there.") -> float:
    """Seconds of what the audio element has in the end."""
    page.fill("#text", text)
    page.click("#speak")
    wait(page, "document.querySelector('#progress-text').textContent.startsWith('Done')")
    wait(page, "document.querySelector('#audio').duration > 0")
    said = re.search(r"Done: ([\d.]+) s", page.text_content("#progress-text"))
    duration = page.evaluate("document.querySelector('#audio').duration")
    assert duration == pytest.approx(float(said[1]), abs=0.01)
    return duration


def drawn(page, canvas: str) -> bool:
    script = "id => document.getElementById(id).getContext('2d').getImageData(0, 0, 900, 120).data.some(value => value)"
    return page.evaluate(script, canvas)


def test_hear_download_reload(page, live, client, tmp_path):
    seconds = speak(page)
    body = {"input": "Hello there.", "response_format": "pcm", "stream": True}
    pcm = client.post("/v1/audio/speech", json=body).content
    assert seconds == pytest.approx(len(pcm) / 48_000, abs=0.01)  # all samples have arrived
    page.wait_for_timeout(200)
    assert drawn(page, "wave") and drawn(page, "mel")
    assert page.locator("#words span").all_text_contents() == ["Hello", "there."]
    page.click("#words span >> nth=1")  # plays from there
    wait(page, "document.querySelector('#audio').currentTime > 0.05")
    wait(page, "document.querySelectorAll('#words .now').length <= 1")
    for name, magic in {"wav": b"RIFF", "flac": b"fLaC", "mp3": b"\xff"}.items():
        with page.expect_download() as download:
            page.click(f".download[data-format={name}]")
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(magic)
    with page.expect_download() as download:
        page.click("#download-json")
    page.click("#history button")  # speak this one again
    wait(page, "document.querySelectorAll('#history li').length === 2")
    page.fill("#seed", "7")
    page.reload()
    wait(page, "document.querySelector('#seed').value === '7'")
    assert page.input_value("#text") == "Hello there."


def test_sliders_speed_and_how_it_is_read(page):
    plain = speak(page)
    page.select_option("#emotion-kind", "sliders")
    page.evaluate(SLIDE, ["emotion-sad", 0.6])
    page.evaluate(SLIDE, ["speed", 0.5])
    with page.expect_request("**/v1/audio/speech") as request:
        slow = speak(page)
    sent = request.value.post_data_json
    assert sent["emotion_vector"] == [0, 0, 0.6, 0, 0, 0, 0, 0] and sent["speed"] == 0.5
    assert slow != plain
    assert '"speed":0.5' in page.text_content("#curl")
    page.fill("#text", "It is 10:30.")
    page.click("#reading-box summary")
    wait(page, "document.querySelector('#normalized').textContent === 'It is ten thirty.'")


def test_a_voice_is_uploaded_and_deleted(page):
    page.click("text=New voice")
    page.click("#voice-upload")
    assert "speaker agrees" in page.text_content("#problem")
    page.fill("#voice-name", "Page's own")
    page.set_input_files("#voice-file", bundled.VOICE)
    page.check("#consent")
    page.click("#voice-upload")
    wait(page, "document.querySelector('#voice').selectedOptions[0].text === \"Page's own\"")
    assert speak(page) > 0
    page.click("#voice-delete")
    wait(page, "document.querySelector('#voice').options.length === 1")


def test_cancel(page):
    page.fill("#text", "Hello there. " * 100)
    page.click("#speak")
    wait(page, "!document.querySelector('#cancel').disabled")
    page.click("#cancel")
    wait(page, "document.querySelector('#progress-text').textContent.startsWith('Cancelled')")
    assert page.is_disabled("#cancel")


def test_by_keyboard_in_chinese_on_a_phone(page):
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.select_option("#language", "zh")
    assert page.text_content("#speak") == "朗读" and page.get_attribute("html", "lang") == "zh-CN"
    page.focus("#speak")
    page.fill("#text", "Hello there.")
    page.focus("#speak")
    page.keyboard.press("Enter")
    wait(page, "document.querySelector('#progress-text').textContent.startsWith('完成')")
    unnamed = """[...document.querySelectorAll('input, select, textarea, button')].filter(e =>
        !e.labels?.length && !e.textContent.trim() && !e.getAttribute('aria-label')).map(e => e.id)"""
    assert page.evaluate(unnamed) == []


# --- without a browser ---


def test_the_files_ask_nobody_else(live):
    with httpx.Client(base_url=live.url) as plain:  # without a key
        for path in ("/", "/page.js", "/page.css"):
            response = plain.get(path)
            assert response.status_code == 200 and "default-src 'none'" in response.headers["content-security-policy"]
            assert not re.search(r"(https?:)?//(?!\s)[a-z]+\.[a-z]", response.text)
        assert plain.get("/favicon.ico").status_code == 204
