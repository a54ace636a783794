"""The page in a real browser: Debian's chromium, headless, by playwright. Skipped where either is missing."""

import io
import re
import shutil
import time
from collections.abc import Iterator

import httpx
import pytest
import soundfile

from indextts2_jax.checkpoint import bundled
from indextts2_jax.config import SAMPLING_RATE
from indextts2_jax.dialogue.checks import Rules
from indextts2_jax.dialogue.fitting import samples_of
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
    page.on("console", lambda message: faults.append(message.text) if unexpected(message) else None)
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


def unexpected(message) -> bool:
    """An error in the browser's console, but for an answer of 400, which the page tells its reader."""
    return message.type == "error" and "status of 400" not in message.text


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


WATCH = """() => {
    window.stages = [];
    const stage = document.querySelector('#stage');
    new MutationObserver(() => stages.push(stage.textContent)).observe(stage, {childList: true});
}"""


def test_what_is_being_done_is_told(page):
    page.evaluate(WATCH)
    speak(page)
    told = set(page.evaluate("stages"))
    assert "Codes, segment 1 of 1" in told and not any("{" in text for text in told)
    assert page.text_content("#stage") == ""


def test_everything_is_said_in_the_other_language(page):
    speak(page)
    page.select_option("#language", "zh")
    assert page.text_content("#progress-text").startswith("完成") and page.text_content("#state") == "就绪。"
    assert page.text_content("#history button") == "重新朗读"
    labels = page.evaluate(
        "[...document.querySelectorAll('[aria-label]')].map((one) => one.getAttribute('aria-label'))"
    )
    texts = page.evaluate("[...document.querySelectorAll('[data-i18n]')].map((one) => one.textContent)")
    assert labels and all(re.search("[\u4e00-\u9fff]", text) for text in labels + texts), labels + texts
    page.select_option("#language", "en")
    assert page.text_content("#progress-text").startswith("Done") and page.text_content("#state") == "Ready."


def test_words_by_the_keyboard(page):
    speak(page)
    page.focus("#words span")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "there."
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "there."
    page.keyboard.press("Enter")
    wait(page, "document.querySelector('#audio').currentTime > 0.05")


def test_a_speech_takes_the_place_of_another(page):
    """The one that is given up does not stop the player of the one that is made instead."""
    page.fill("#text", "Seven quiet horses stood beside the river in the morning light.")
    page.click("#speak")
    wait(page, "document.querySelector('#stage').textContent !== ''")
    speak(page)
    assert page.evaluate("player.context.state") != "closed"


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


# --- scripts ---

PLAY = "Anna: Hello there.\nBen (sad): Good <morning>.\n(He goes.)\n[pause:333ms]\nHello there."
STATES = "[...document.querySelectorAll('#lines tbody tr')].map(row => row.dataset.state)"
SEEDS = "[...document.querySelectorAll('#lines tbody tr')].map(row => row.cells[5].textContent)"


def wait_until_whole(page, lines: int) -> None:
    wait(page, f"({STATES}).filter(state => ['s_ready', 's_suspect'].includes(state)).length === {lines}", 120)
    wait(page, "document.querySelector('#script-audio').duration > 0")


def downloaded(page, kind: str, folder) -> bytes:
    with page.expect_download() as download:
        page.click(f".script-download[data-format={kind}]")
    download.value.save_as(folder / f"script.{kind}")
    return (folder / f"script.{kind}").read_bytes()


def test_a_script_is_spoken_and_one_line_again(page, tmp_path):
    asked: list[dict] = []
    page.on("request", lambda one: asked.append(one.post_data_json) if one.url.endswith("/audio/speech") else None)
    page.fill("#script", PLAY)
    page.click("#script-read")
    wait(page, "document.querySelectorAll('#lines tbody tr').length === 3")
    assert page.locator("#cast th").all_text_contents()[4:] == ["Anna", "Ben", "lines without a name"]
    page.fill("[aria-label='Speed of Ben']", "2")
    page.keyboard.press("Tab")
    page.click("#script-speak")
    wait_until_whole(page, 3)
    assert [one["duration_factor"] for one in asked] == [1, 0.5, 1] and "emotion" in asked[1]
    first, rate = soundfile.read(io.BytesIO(downloaded(page, "wav", tmp_path)), dtype="int16")
    page.click("#lines .play >> nth=0")
    page.focus("#lines .again >> nth=1")
    page.keyboard.press("Enter")
    wait(page, f"({SEEDS})[1] === '1'")
    wait_until_whole(page, 3)
    assert len(asked) == 4 and asked[3] == asked[1] | {"seed": 1}
    again, rate = soundfile.read(io.BytesIO(downloaded(page, "wav", tmp_path)), dtype="int16")
    lengths = [round(rate * float(text)) for text in page.locator("#lines tbody td:nth-child(5)").all_text_contents()]
    silences = samples_of(Rules().speaker_pause_ms) + samples_of(333)
    assert rate == SAMPLING_RATE and len(again) == pytest.approx(sum(lengths) + silences, abs=0.02 * rate)
    one = lengths[0] - rate // 100  # the first line stays as it was
    assert (first[:one] == again[:one]).all() and not (first[-lengths[2] :] != again[-lengths[2] :]).any()
    assert downloaded(page, "srt", tmp_path).count(b" --> ") == 3
    assert b"<v Ben>Good &lt;morning&gt;." in downloaded(page, "vtt", tmp_path)
    page.reload()
    wait_until_whole(page, 3)  # without asking the model
    assert len(asked) == 4 and page.evaluate(SEEDS) == ["0", "1", "0"]
    assert soundfile.read(io.BytesIO(downloaded(page, "wav", tmp_path)), dtype="int16")[0].tobytes() == again.tobytes()


def test_all_suspect_lines_again(page):
    def odd(route) -> None:
        answer = route.fetch(timeout=120_000)
        suspect = [0] if route.request.post_data_json["input"] == "Good morning." and not seen else []
        seen.extend(suspect)
        route.fulfill(response=answer, json=answer.json() | {"suspect": suspect})

    seen: list[int] = []
    page.route("**/v1/audio/speech", odd)
    page.fill("#script", "Anna: Hello there.\nBen: Good morning.")
    page.click("#script-speak")
    wait_until_whole(page, 2)
    assert page.evaluate(STATES) == ["s_ready", "s_suspect"]
    page.select_option("#language", "zh")
    wait(page, "document.querySelector('#lines tbody').textContent.includes('可疑')")
    assert page.text_content("#script-speak") == "全部朗读"
    page.click("#script-suspect")
    wait(page, f"({SEEDS})[1] === '1'")
    wait_until_whole(page, 2)
    assert page.evaluate(STATES) == ["s_ready", "s_ready"] and page.evaluate(SEEDS) == ["0", "1"]


def test_all_that_is_wrong_with_a_script(page):
    faults = "[...document.querySelectorAll('#script-problem li')].map(item => item.textContent)"
    page.fill("#script", "Anna (glad): Hello.\nBen:\n")
    page.click("#script-speak")
    wait(page, f"({faults}).length === 2")
    assert [fault[:16] for fault in page.evaluate(faults)] == ["script, line 1: ", "script, line 2: "]
    assert page.is_hidden("#lines")


# --- without a browser ---


def test_the_files_ask_nobody_else(live):
    with httpx.Client(base_url=live.url) as plain:  # without a key
        for path in ("/", "/page.js", "/script.js", "/page.css"):
            response = plain.get(path)
            assert response.status_code == 200 and "default-src 'none'" in response.headers["content-security-policy"]
            assert not re.search(r"(https?:)?//(?!\s)[a-z]+\.[a-z]", response.text)
        assert plain.get("/favicon.ico").status_code == 204


def test_a_voice_of_the_cast_that_is_gone(page):
    page.evaluate(
        "localStorage.setItem('script', JSON.stringify({text: 'Anna: Hi.', cast: {Anna: {voice: 'voice_999'}}}))"
    )
    page.reload()
    wait(page, "document.querySelectorAll('#lines tbody tr').length === 1")
    assert page.evaluate("cast.Anna.voice") == "" and page.text_content("#script-problem") == ""
