"use strict";
// The page is a client of the interface that any other program uses: it has no routes of its own.

const $ = (id) => document.getElementById(id);
const EMOTIONS = ["happy", "angry", "sad", "afraid", "disgusted", "melancholic", "surprised", "calm"];
const RATE = 24000;
const WORDS = {
  en: { ready: "Ready.", loading: "The model is being loaded…", stopping: "The server is stopping.", waiting: "Waiting…",
        gone: "The server does not answer.", made: "{s} s of speech, segment {k} of {n}", done: "Done: {s} s of speech, made in {t} s.",
        at: "{stage}, segment {k} of {n}", prepare: "Preparation", decode: "Codes", flow_matching: "Mel", vocoder: "Waveform", cancelled: "Cancelled after {s} s.", speak_again: "Speak this one again", noname: "Give the voice a name and a recording, and say that the speaker agrees.",
        stoprecord: "Stop", record: "Record", recorded: "Recorded.", presetname: "Name of the preset",
        nomicrophone: "Recording needs this page by https, or from this machine itself.", ...Object.fromEntries(EMOTIONS.map((e) => [e, e])) },
  zh: { ready: "就绪。", loading: "正在加载模型…", stopping: "服务器正在停止。", waiting: "等待中…", gone: "服务器没有响应。",
        made: "已生成 {s} 秒，第 {k} 段，共 {n} 段", done: "完成：{s} 秒语音，用时 {t} 秒。", at: "{stage}，第 {k} 段，共 {n} 段", prepare: "准备", decode: "编码", flow_matching: "梅尔谱", vocoder: "波形", cancelled: "在 {s} 秒后取消。", speak_again: "重新朗读",
        noname: "请填写名称、选择录音，并确认说话人同意。", stoprecord: "停止", record: "录音", recorded: "已录音。", presetname: "预设名称",
        nomicrophone: "录音需要通过 https 或在本机打开此页面。", progress: "进度", wave: "波形", mel: "梅尔频谱", wordlist: "词语：按回车从此处播放",
        happy: "高兴", angry: "愤怒", sad: "悲伤", afraid: "恐惧", disgusted: "厌恶", melancholic: "忧郁", surprised: "惊讶", calm: "平静",
        skip: "跳到文本", language: "语言", key: "服务器密钥", use: "使用", text: "要说的话", pauses: "文本中的 [pause:800ms] 表示相应长度的静音。",
        reading: "将如何朗读", voice: "声音", delete: "删除", newvoice: "新声音", name: "名称", clip: "录音，3 到 15 秒", consent: "说话人同意。",
        upload: "上传", emotion: "情感", asvoice: "与声音相同", sliders: "八个滑块", names: "名称和权重", emotionclip: "录音", words: "用文字描述",
        weight: "权重", how: "方式", seed: "随机种子", speed: "语速", duration: "精确秒数（空：自然长度）", interval: "段间停顿（毫秒）",
        paragraph: "段落间停顿（毫秒）", preset: "预设", save: "保存为预设", speak: "朗读", cancel: "取消", result: "语音", download: "下载",
        history: "本次会话", api: "从程序调用", apitext: "接口与 OpenAI 相同，另有自己的字段。上面表单对应的请求：",
        "d-speech": "语音：MP3、Opus、AAC、FLAC、WAV、PCM 或事件流", "d-batch": "一次最多 32 段文本", "d-ws": "逐段输入文本，逐句输出音频",
        "d-voices": "声音", "d-reading": "文本将如何朗读", "d-op": "是否正常、能否朗读、已完成多少", "d-schema": "完整的接口描述" },
};

let language = "en";
let shown = null;  // {samples, fields} of the speech that is shown
let running = null;  // AbortController of the speech that is being made
let recording = null;
let recorded = null;

const t = (key, values = {}) =>
  (WORDS[language][key] ?? WORDS.en[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);

const said = new Map();  // by an element's id: what say() made its text of

function say(id, key = "", values = () => ({})) {
  said.set(id, [key, values]);
  $(id).textContent = key && t(key, values());
}

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.dataset.english ??= element.textContent;
    element.textContent = WORDS[language][element.dataset.i18n] ?? element.dataset.english;
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    element.dataset.english ??= element.getAttribute("aria-label");
    element.setAttribute("aria-label", WORDS[language][element.dataset.i18nLabel] ?? element.dataset.english);
  }
  for (const name of EMOTIONS) $(`emotion-${name}`).previousElementSibling.textContent = t(name);
  for (const [id, [key, values]] of said) say(id, key, values);
}

function rename(element, key) {
  element.dataset.i18n = key;
  element.textContent = t(key);
}

// --- requests ---

function headers(more = {}) {
  const key = sessionStorage.getItem("key");
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers(options.headers) });
  if (response.ok) return response;
  if (response.status === 401) $("key-box").hidden = false;
  const body = await response.json().catch(() => ({}));
  const message = body.error?.message ?? `${response.status} ${response.statusText}`;
  throw Object.assign(new Error(message), { faults: body.error?.faults });
}

const post = (path, fields, options = {}) =>
  ask(path, { ...options, method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) });

async function watch() {
  try {
    const body = await (await fetch("ready")).json();
    say("state", body.status);
    setTimeout(watch, body.status === "ready" ? 20000 : 1000);
  } catch {
    say("state", "gone");
    setTimeout(watch, 3000);
  }
}

function tell(error) {
  $("problem").textContent = error instanceof Error ? error.message : error;
}

// --- the form ---

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

async function fields() {
  const body = { model: "indextts-2", input: $("text").value, voice: $("voice").value || undefined, seed: Number($("seed").value) };
  const kind = $("emotion-kind").value;
  if (kind === "sliders") body.emotion_vector = EMOTIONS.map((name) => Number($(`emotion-${name}`).value));
  if (kind === "names") body.emotion = $("emotion-list").value;
  if (kind === "words") body.emotion_text = $("emotion-text").value;
  if (kind === "clip" && $("emotion-file").files[0]) body.emotion_audio = await base64($("emotion-file").files[0]);
  if (kind && $("alpha").value !== "1") body.emotion_alpha = Number($("alpha").value);
  if ($("speed").value !== "1") body.speed = Number($("speed").value);
  if ($("duration").value) body.target_duration = Number($("duration").value);
  if ($("interval").value) body.interval_silence = Number($("interval").value);
  if ($("paragraph").value) body.paragraph_pause = Number($("paragraph").value);
  return body;
}

const REMEMBERED = ["text", "voice", "emotion-kind", "emotion-list", "emotion-text", "alpha", "seed", "speed", "duration",
                    "interval", "paragraph", ...EMOTIONS.map((name) => `emotion-${name}`)];
const state = () => Object.fromEntries(REMEMBERED.map((id) => [id, $(id).value]));

function restore(values) {
  for (const [id, value] of Object.entries(values ?? {})) {
    if (!REMEMBERED.includes(id)) continue;
    if (id === "voice" && ![...$("voice").options].some((option) => option.value === value)) continue;
    $(id).value = value;
  }
  changed();
}

function changed() {
  const kind = $("emotion-kind").value;
  for (const name of ["sliders", "names", "clip", "words"]) $(`emotion-${name}`).hidden = kind !== name;
  $("emotion-weight").hidden = !kind;
  for (const output of document.querySelectorAll("output")) output.value = $(output.htmlFor.value).value;
  localStorage.setItem("form", JSON.stringify(state()));
  showCurl();
  clearTimeout(changed.later);
  changed.later = setTimeout(read, 500);
}

async function showCurl() {
  const body = await fields();
  if (body.emotion_audio) body.emotion_audio = "data:…";
  const quoted = JSON.stringify({ ...body, response_format: "mp3" }).replaceAll("'", "'\\''");
  const key = sessionStorage.getItem("key") ? " -H 'Authorization: Bearer KEY'" : "";
  $("curl").textContent = `curl ${location.origin}/v1/audio/speech${key} \\\n  -d '${quoted}' -o speech.mp3`;
}

async function read() {
  const text = $("text").value;
  if (!$("reading-box").open || !text.trim()) return;
  const list = (id, items) => $(id).replaceChildren(...items.map((item) => {
    const element = document.createElement("li");
    element.textContent = item;
    return element;
  }));
  try {
    const body = await (await post("v1/audio/reading", { input: text.slice(0, 2000) })).json();
    if (text !== $("text").value) return;
    $("normalized").textContent = body.normalized;
    list("segments", body.segments.map((tokens) => tokens.join(" ").replaceAll(" ", "").replaceAll("▁", " ").trim() || tokens.join(" ")));
    list("reading-warnings", body.warnings);
  } catch (error) {
    $("normalized").textContent = "";
    list("segments", []);
    list("reading-warnings", [error.message]);
  }
}

// --- voices ---

async function loadVoices(chosen) {
  const { voices } = await (await ask("v1/audio/voices")).json();
  const before = chosen ?? $("voice").value;
  $("voice").replaceChildren(...voices.map((voice) => new Option(voice.name, voice.id)));
  if (voices.some((voice) => voice.id === before)) $("voice").value = before;
  document.dispatchEvent(new Event("voices"));
}

async function uploadVoice() {
  const file = recorded ?? $("voice-file").files[0];
  const name = $("voice-name").value.trim();
  if (!file || !name || !$("consent").checked) return tell(t("noname"));
  const form = new FormData();
  form.append("name", name);
  form.append("consent", "given on the page");
  form.append("audio_sample", file, "recording");
  tell("");
  try {
    const voice = await (await ask("v1/audio/voices", { method: "POST", body: form })).json();
    recorded = null;
    $("voice-name").value = $("voice-file").value = "";
    $("consent").checked = false;  // it was for that speaker
    await loadVoices(voice.id);
    changed();
  } catch (error) {
    tell(error);
  }
}

async function deleteVoice() {
  try {
    await ask(`v1/audio/voices/${encodeURIComponent($("voice").value)}`, { method: "DELETE" });
    await loadVoices();
    changed();
  } catch (error) {
    tell(error);
  }
}

async function record() {
  if (recording) return recording.stop();
  if (!navigator.mediaDevices) return tell(t("nomicrophone"));
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const pieces = [];
    const own = (recording = new MediaRecorder(stream));
    const limit = setTimeout(() => own.stop(), 15000);
    recording.ondataavailable = (event) => pieces.push(event.data);
    recording.onstop = () => {
      clearTimeout(limit);
      for (const track of stream.getTracks()) track.stop();
      recorded = new Blob(pieces, { type: own.mimeType });
      recording = null;
      $("voice-file").value = "";
      $("record").setAttribute("aria-pressed", "false");
      rename($("record"), "record");
      tell(t("recorded"));
    };
    recording.start();
    $("record").setAttribute("aria-pressed", "true");
    rename($("record"), "stoprecord");
  } catch (error) {
    tell(error);
  }
}

// --- speech ---

class Player {
  // Plays samples as they come.
  constructor() {
    this.context = new AudioContext({ sampleRate: RATE });
    this.next = 0;
    this.first = null;
  }
  get position() {
    const now = this.context.currentTime;
    return this.first !== null && this.context.state === "running" && now < this.next ? now - this.first : null;
  }
  add(samples) {
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    this.next = Math.max(this.next, this.context.currentTime + 0.05);
    source.start(this.next);
    this.first ??= this.next;
    this.next += buffer.duration;
  }
  stop() {
    this.context.close().catch(() => {});
  }
}

let player = null;

async function speak(body) {
  running?.abort();
  player?.stop();
  const own = (running = new AbortController());
  const heard = (player = new Player());
  $("audio").pause();
  $("cancel").disabled = false;
  tell("");
  $("progress").removeAttribute("value");
  say("progress-text", "waiting");
  const began = performance.now();
  const parts = [];
  let count = 0;
  try {
    const request = { ...body, response_format: "pcm", sample_rate: RATE, stream_format: "sse", word_timestamps: true, progress: true };
    const response = await post("v1/audio/speech", request, { signal: own.signal });
    const segments = Number(response.headers.get("x-segments") ?? 1);
    const warnings = response.headers.get("x-warnings") ?? response.headers.get("x-instructions");
    if (warnings) tell(warnings);
    $("result").hidden = false;
    const expected = Math.max(1, body.input.length / 15);
    let odd = new Uint8Array(0), words = [], segment = 1;
    showWords([]);
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      words = event.words ?? words;
      if (event.stage) {
        segment = Math.max(1, event.segment);
        const stage = ["decode", "flow_matching", "vocoder"].includes(event.stage) ? event.stage : "prepare";
        say("stage", "at", () => ({ stage: t(stage), k: segment, n: event.segments }));
      }
      if (!event.audio) continue;
      const value = Uint8Array.from(atob(event.audio), (c) => c.charCodeAt(0));
      const bytes = new Uint8Array(odd.length + value.length);
      bytes.set(odd);
      bytes.set(value, odd.length);
      odd = bytes.slice(bytes.length & ~1);
      const whole = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
      const samples = Float32Array.from(whole, (value) => value / 32768);
      if (!samples.length) continue;
      parts.push(samples);
      count += samples.length;
      heard.add(samples);
      const seconds = count / RATE;
      $("progress").value = Math.min(0.95, seconds / expected);
      say("progress-text", "made", () => ({ s: seconds.toFixed(1), k: segment, n: segments }));
      show(join(parts, count), body, false);
    }
    $("progress").value = 1;
    const seconds = count / RATE, took = (performance.now() - began) / 1000;
    say("progress-text", "done", () => ({ s: seconds.toFixed(2), t: took.toFixed(1) }));
    show(join(parts, count), body, true);
    showWords(words);
    remember(body, seconds);
  } catch (error) {
    heard.stop();
    if (running !== own) return;  // another speech has the page
    $("progress").value = 0;
    if (error.name === "AbortError") say("progress-text", "cancelled", () => ({ s: (count / RATE).toFixed(1) }));
    else {
      say("progress-text");
      tell(error);
    }
  } finally {
    if (running === own) {
      running = null;
      say("stage");
      $("cancel").disabled = true;
    }
  }
}

async function* events(response) {
  const decoder = new TextDecoder();
  let text = "";
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      yield JSON.parse(text.slice(text.indexOf("data: ") + 6, end));
    }
  }
}

// --- the words, lit while they are heard ---

let timed = [];

function showWords(words) {
  timed = words.map((word) => {
    const span = document.createElement("span");
    span.textContent = word.word;
    span.title = `${word.start.toFixed(2)} s`;
    span.setAttribute("role", "button");
    span.tabIndex = -1;
    span.onclick = () => {
      player?.stop();
      $("audio").currentTime = word.start;
      $("audio").play();
    };
    return { ...word, span };
  });
  if (timed.length) timed[0].span.tabIndex = 0;  // one stop of the tab key; the arrows go on from there
  $("words").replaceChildren(...timed.flatMap(({ spaced, span }) => (spaced ? [" ", span] : [span])));
}

function walkWords(event) {
  const at = timed.findIndex(({ span }) => span === event.target);
  const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: timed.length - 1 - at }[event.key];
  if (at < 0 || (step === undefined && event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  if (step === undefined) return event.target.click();
  const to = timed[Math.min(Math.max(at + step, 0), timed.length - 1)].span;
  event.target.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

setInterval(() => {
  const now = $("audio").paused ? player?.position ?? null : $("audio").currentTime;
  for (const { start, end, span } of timed) span.classList.toggle("now", now !== null && start <= now && now < end);
}, 40);

function join(parts, count) {
  const samples = new Float32Array(count);
  let place = 0;
  for (const part of parts) {
    samples.set(part, place);
    place += part.length;
  }
  return samples;
}

function wav(samples, rate = RATE) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (place, value) => [...value].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, rate, 4], [28, 2 * rate, 4], [32, 2, 2], [34, 16, 2], [40, 2 * samples.length, 4]]
    .forEach(([place, value, size]) => (size === 4 ? view.setUint32(place, value, true) : view.setUint16(place, value, true)));
  text(36, "data");
  samples.forEach((value, i) => view.setInt16(44 + 2 * i, Math.round(value * 32768), true));
  return new Blob([view], { type: "audio/wav" });
}

function show(samples, body, whole) {
  shown = { samples, body };
  drawWave(samples);
  if (!whole) return;
  drawMel(samples);
  URL.revokeObjectURL($("audio").src);
  $("audio").src = URL.createObjectURL(wav(samples));
}

// --- pictures ---

const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--accent");

function drawWave(samples) {
  const canvas = $("wave"), draw = canvas.getContext("2d"), { width, height } = canvas;
  draw.clearRect(0, 0, width, height);
  draw.fillStyle = ink();
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x * samples.length) / width), to = Math.floor(((x + 1) * samples.length) / width);
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, Math.abs(samples[i]));
    draw.fillRect(x, (height * (1 - most)) / 2, 1, Math.max(1, height * most));
  }
}

function drawMel(samples) {
  const size = 1024, bands = 80, canvas = $("mel"), draw = canvas.getContext("2d"), { width, height } = canvas;
  const toMel = (hertz) => 1127 * Math.log(1 + hertz / 700), toHertz = (mel) => 700 * (Math.exp(mel / 1127) - 1);
  const edges = Array.from({ length: bands + 2 }, (_, i) => (toHertz((toMel(RATE / 2) * i) / (bands + 1)) * size) / RATE);
  const picture = draw.createImageData(width, bands);
  const re = new Float32Array(size), im = new Float32Array(size);
  for (let x = 0; x < width; x++) {
    const middle = Math.floor(((x + 0.5) * samples.length) / width);
    for (let i = 0; i < size; i++) {
      const at = middle - size / 2 + i;
      re[i] = (samples[at] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
      im[i] = 0;
    }
    fft(re, im);
    for (let band = 0; band < bands; band++) {
      const [from, to] = [Math.floor(edges[band]), Math.max(Math.floor(edges[band]) + 1, Math.ceil(edges[band + 2]))];
      let sum = 0;
      for (let k = from; k < to; k++) sum += re[k] * re[k] + im[k] * im[k];
      const level = Math.min(1, Math.max(0, (Math.log10(sum / (to - from) + 1e-6) + 4) / 7));
      const place = 4 * ((bands - 1 - band) * width + x);
      picture.data.set([255 * level, 255 * level ** 2, 90 + 120 * level * (1 - level), 255], place);
    }
  }
  createImageBitmap(picture).then((bitmap) => draw.drawImage(bitmap, 0, 0, width, height));
}

function fft(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j], im[i], im[j]] = [re[j], re[i], im[j], im[i]];
  }
  for (let size = 2; size <= n; size <<= 1) {
    for (let k = 0; k < size / 2; k++) {
      const c = Math.cos((-2 * Math.PI * k) / size), s = Math.sin((-2 * Math.PI * k) / size);
      for (let i = k; i < n; i += size) {
        const j = i + size / 2, a = re[j] * c - im[j] * s, b = re[j] * s + im[j] * c;
        [re[j], im[j], re[i], im[i]] = [re[i] - a, im[i] - b, re[i] + a, im[i] + b];
      }
    }
  }
}

// --- downloads, history, presets ---

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function download(format) {
  if (!shown) return;
  if (format === "wav") return save(wav(shown.samples), "speech.wav");
  try {
    const stream = shown.body.target_duration === undefined;
    const response = await post("v1/audio/speech", { ...shown.body, response_format: format, stream });
    save(await response.blob(), `speech.${format}`);
  } catch (error) {
    tell(error);
  }
}

function remember(body, seconds) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  rename(button, "speak_again");
  const values = state();
  button.addEventListener("click", () => {
    restore(values);
    speak(body);
  });
  item.append(`${body.input.slice(0, 80)} – ${seconds.toFixed(1)} s, ${body.voice ?? ""}, ${t("seed")} ${body.seed} `, button);
  $("history").prepend(item);
}

const presets = () => JSON.parse(localStorage.getItem("presets") ?? "{}");

function listPresets() {
  $("preset").replaceChildren(new Option("–", ""), ...Object.keys(presets()).map((name) => new Option(name, name)));
}

// --- begin ---

function begin() {
  for (const name of EMOTIONS) {
    const label = document.createElement("label");
    label.innerHTML = `<span></span><input type="range" min="0" max="1.2" step="0.05" value="0"><output>0</output>`;
    const [, input, output] = label.children;
    input.id = `emotion-${name}`;
    output.htmlFor = input.id;
    $("emotion-sliders").append(label);
  }
  language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  $("language").value = language;
  translate();
  $("language").addEventListener("change", () => {
    language = $("language").value;
    localStorage.setItem("language", language);
    translate();
  });
  $("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    speak(await fields());
  });
  $("form").addEventListener("input", changed);
  $("reading-box").addEventListener("toggle", read);
  $("cancel").addEventListener("click", () => {
    running?.abort();
    player?.stop();
  });
  $("audio").addEventListener("play", () => player?.stop());
  $("words").addEventListener("keydown", walkWords);
  $("voice-file").addEventListener("change", () => (recorded = null));
  $("voice-upload").addEventListener("click", uploadVoice);
  $("voice-delete").addEventListener("click", deleteVoice);
  $("record").addEventListener("click", record);
  $("key-use").addEventListener("click", () => {
    sessionStorage.setItem("key", $("key").value);
    $("key-box").hidden = true;
    tell("");
    showCurl();
    loadVoices().catch(tell);
  });
  for (const button of document.querySelectorAll(".download")) button.addEventListener("click", () => download(button.dataset.format));
  $("download-json").addEventListener("click", () => {
    if (shown) save(new Blob([JSON.stringify(shown.body, null, 2)], { type: "application/json" }), "speech.json");
  });
  $("preset-save").addEventListener("click", () => {
    const name = prompt(t("presetname"));
    if (!name) return;
    localStorage.setItem("presets", JSON.stringify({ ...presets(), [name]: state() }));
    listPresets();
    $("preset").value = name;
  });
  $("preset").addEventListener("change", (event) => {
    event.stopPropagation();
    restore(presets()[$("preset").value]);
  });
  listPresets();
  loadVoices().catch(tell).finally(() => restore(JSON.parse(localStorage.getItem("form") ?? "{}")));
  watch();
}

begin();
