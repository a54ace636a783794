"use strict";
// Scripts: the server reads the lines and writes the times; here they are spoken one by one, and put behind one another.

Object.assign(WORDS.en, { s_new: "not spoken", s_queued: "waiting", s_now: "being spoken…", s_ready: "ready", s_suspect: "suspect",
  play: "Play", again: "Again", play_line: "Play line {n}", again_line: "Speak line {n} again with another seed",
  voice_of: "Voice of {n}", emotion_of: "Emotion of {n}", speed_of: "Speed of {n}", nobody: "lines without a name",
  script_sum: "{r} of {n} lines, {s} s" });
Object.assign(WORDS.zh, { s_new: "未朗读", s_queued: "等待中", s_now: "正在朗读…", s_ready: "完成", s_suspect: "可疑",
  play: "播放", again: "重来", play_line: "播放第 {n} 行", again_line: "用另一个种子重新朗读第 {n} 行",
  voice_of: "{n} 的声音", emotion_of: "{n} 的情感", speed_of: "{n} 的语速", nobody: "没有名字的行",
  script_sum: "{n} 行中的 {r} 行，{s} 秒", script: "剧本：多个说话人", scripttext: "一行一个人说的话，例如 Anna: Good evening.",
  scripthint: "括号中的情感只用于该行：Ben (sad): …；[pause:2s] 是静音；整行的 (…) 不朗读。", readlines: "读取各行", speakall: "全部朗读",
  againsuspect: "重来：所有可疑的", cast: "说话人", speaker: "说话人", line: "行", state: "状态", seconds: "秒", whole: "全部",
  "d-script": "剧本的各行，以及各自的请求；时间写成 SRT、WebVTT、JSON" });

let script = { lines: [], silence: 0, sample_rate: 22050 };
let cast = {};  // by name: {voice, emotion, speed}, as typed
let seeds = {};  // by a line's id: the seeds it was spoken with, the last of them now
const takes = new Map();  // by the request as JSON: {key, id, samples (Int16Array), words, suspect}
const rows = new Map();  // by a line's id: its row in the table
let queue = [];  // lines that wait
let current = null;  // {line, abort} of the one that is being spoken
const single = new Audio();

const requestOf = (line) => ({ ...line.request, seed: seeds[line.id]?.at(-1) ?? line.request.seed });
const keyOf = (line) => JSON.stringify(requestOf(line));
const takeOf = (line) => takes.get(keyOf(line));
const complain = (...what) => $("script-problem").replaceChildren(...what.map((text) => element("li", text)));

function element(kind, text = "", more = {}) {
  const made = Object.assign(document.createElement(kind), more);
  made.textContent = text;
  return made;
}

// --- kept in the browser ---

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("script", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("takes", { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function kept(act) {
  const opened = await database();
  return new Promise((resolve, reject) => {
    const change = opened.transaction("takes", "readwrite");
    const request = act(change.objectStore("takes"));
    change.oncomplete = () => resolve(request.result);
    change.onerror = change.onabort = () => reject(change.error);
  }).finally(() => opened.close());
}

const keepForm = () => localStorage.setItem("script", JSON.stringify({ text: $("script").value, cast, seeds }));

async function forgetOthers() {
  const ids = new Set(script.lines.map((line) => line.id));
  for (const take of [...takes.values()].filter((one) => !ids.has(one.id))) {
    takes.delete(take.key);
    await kept((store) => store.delete(take.key));
  }
}

// --- reading ---

function castOf(names) {
  const said = (name) => Object.entries(cast[name] ?? {}).filter(([, value]) => value !== "" && value !== "1");
  return Object.fromEntries(names.map((name) => [
    name, Object.fromEntries(said(name).map(([key, value]) => [key, key === "speed" ? Number(value) : value])),
  ]));
}

async function readScript() {
  keepForm();
  complain();
  const text = $("script").value;
  try {
    const plain = await (await post("v1/audio/script", { script: text })).json();
    const names = [...new Set(plain.lines.map((line) => line.speaker || "default"))];
    showCast(names);
    script = await (await post("v1/audio/script", { script: text, cast: castOf(names) })).json();
    queue = queue.map((one) => script.lines.find((line) => line.id === one.id)).filter(Boolean);
    showLines();
    complain(...script.notes);
    return true;
  } catch (error) {
    complain(...(error.faults ?? [error.message]));
    return false;
  }
}

function showCast(names) {
  $("cast").hidden = !names.length;
  $("cast").tBodies[0].replaceChildren(...names.map((name) => {
    const row = element("tr"), shown = name === "default" ? t("nobody") : name, own = (cast[name] ??= {});
    const voice = element("select"), emotion = element("input", "", { placeholder: "sad 0.6" });
    const speed = element("input", "", { type: "number", min: 0.5, max: 2, step: 0.05 });
    voice.className = "cast-voice";
    for (const [field, input] of Object.entries({ voice, emotion, speed })) {
      input.setAttribute("aria-label", t(`${field}_of`, { n: shown }));
      input.dataset.field = field;
      input.value = own[field] ?? (field === "speed" ? "1" : "");
      input.addEventListener("change", () => {
        own[field] = input.value;
        readScript();
      });
      row.append(element("td"));
      row.lastChild.append(input);
    }
    voice.dataset.name = name;
    row.prepend(element("th", shown));
    return row;
  }));
  fillVoices();
}

function fillVoices() {
  // Returns whether somebody's voice is there no more.
  let gone = false;
  for (const select of document.querySelectorAll(".cast-voice")) {
    select.replaceChildren(new Option("–", ""), ...[...$("voice").options].map((one) => new Option(one.text, one.value)));
    const own = cast[select.dataset.name] ?? {}, wanted = own.voice ?? "";
    if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
    else if ($("voice").options.length) {
      own.voice = "";
      gone = true;
    }
  }
  if (gone) keepForm();
  return gone;
}

// --- the list ---

function showLines() {
  rows.clear();
  $("lines").hidden = !script.lines.length;
  $("lines").tBodies[0].replaceChildren(...script.lines.map((line) => {
    const row = element("tr"), again = element("button", t("again"), { type: "button", className: "again" });
    const play = element("button", t("play"), { type: "button", className: "play" });
    play.setAttribute("aria-label", t("play_line", { n: line.line }));
    again.setAttribute("aria-label", t("again_line", { n: line.line }));
    play.addEventListener("click", () => hear(line));
    again.addEventListener("click", () => speakAgain([line]));
    row.append(...[line.line, line.speaker, line.text, "", "", ""].map((text) => element("td", text)), element("td"));
    row.lastChild.append(play, again);
    rows.set(line.id, row);
    return row;
  }));
  update();
}

function stateOf(line) {
  if (current?.line.id === line.id) return "s_now";
  if (queue.some((one) => one.id === line.id)) return "s_queued";
  const take = takeOf(line);
  return take ? (take.suspect ? "s_suspect" : "s_ready") : "s_new";
}

function update() {
  let ready = 0, samples = 0;
  for (const line of script.lines) {
    const row = rows.get(line.id), take = takeOf(line), state = stateOf(line);
    ready += take ? 1 : 0;
    samples += take ? take.samples.length : 0;
    row.dataset.state = state;
    row.cells[3].textContent = t(state);
    row.cells[4].textContent = take ? (take.samples.length / script.sample_rate).toFixed(2) : "";
    row.cells[5].textContent = requestOf(line).seed;
    row.querySelector(".play").disabled = !take;
  }
  const whole = script.lines.length > 0 && ready === script.lines.length;
  $("script-sum").textContent = script.lines.length
    ? t("script_sum", { r: ready, n: script.lines.length, s: (samples / script.sample_rate).toFixed(1) }) : "";
  $("script-cancel").disabled = !current;
  $("script-suspect").disabled = !script.lines.some((line) => takeOf(line)?.suspect);
  $("script-whole").hidden = !whole;
  if (whole && !current) showWhole();
}

// --- speaking ---

function want(lines) {
  const waiting = new Set([...queue, ...(current ? [current.line] : [])].map((line) => line.id));
  queue.push(...lines.filter((line) => !takeOf(line) && !waiting.has(line.id)));
  if (current) update();
  else work();
}

function speakAgain(lines) {
  for (const line of lines) {
    const tried = seeds[line.id] ?? [line.request.seed];
    seeds[line.id] = [...tried, (Math.max(...tried) + 1) % 2 ** 32];
  }
  keepForm();
  want(lines);
}

async function work() {
  while (queue.length) {
    const line = queue.shift();
    current = { line, abort: new AbortController() };
    update();
    try {
      const take = await spoken(line, current.abort.signal);
      takes.set(take.key, take);
      await kept((store) => store.put(take));
    } catch (error) {
      if (error.name !== "AbortError") $("script-problem").append(element("li", `${line.line}: ${error.message}`));
    }
    current = null;
  }
  update();
}

async function spoken(line, signal) {
  const asked = { ...requestOf(line), response_format: "pcm", sample_rate: script.sample_rate, word_timestamps: true };
  const key = keyOf(line), answer = await (await post("v1/audio/speech", asked, { signal })).json();
  const bytes = Uint8Array.from(atob(answer.audio_data), (c) => c.charCodeAt(0));
  const samples = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  return { key, id: line.id, samples, words: answer.words ?? [], suspect: answer.suspect.length > 0 };
}

// --- the whole ---

function placed() {
  let position = 0;
  const found = script.lines.map((line) => {
    const take = takeOf(line), start = position + line.silence;
    position = start + take.samples.length;
    return { line, take, start };
  });
  return { found, length: position + script.silence };
}

const waveOf = (samples) => wav(Float32Array.from(samples, (value) => value / 32768), script.sample_rate);

function wholeWave() {
  const { found, length } = placed(), samples = new Int16Array(length);
  for (const { take, start } of found) samples.set(take.samples, start);
  return waveOf(samples);
}

function showWhole() {
  URL.revokeObjectURL($("script-audio").src);
  $("script-audio").src = URL.createObjectURL(wholeWave());
}

function hear(line) {
  URL.revokeObjectURL(single.src);
  single.src = URL.createObjectURL(waveOf(takeOf(line).samples));
  single.play();
}

async function downloadScript(format) {
  if (format === "wav") return save(wholeWave(), "script.wav");
  const lines = placed().found.map(({ line, take, start }) => ({ words: take.words, start, speaker: line.speaker }));
  try {
    save(await (await post("v1/audio/script/times", { lines, format })).blob(), `script.${format}`);
  } catch (error) {
    complain(error.message);
  }
}

// --- begin ---

async function beginScript() {
  const form = JSON.parse(localStorage.getItem("script") ?? "{}");
  $("script").value = form.text ?? "";
  cast = form.cast ?? {};
  seeds = form.seeds ?? {};
  translate();
  $("script").addEventListener("input", keepForm);
  $("script-read").addEventListener("click", async () => (await readScript()) && forgetOthers());
  $("script-speak").addEventListener("click", async () => (await readScript()) && want(script.lines));
  $("script-suspect").addEventListener("click", () => speakAgain(script.lines.filter((line) => takeOf(line)?.suspect)));
  $("script-cancel").addEventListener("click", () => {
    queue = [];
    current?.abort.abort();
  });
  for (const button of document.querySelectorAll(".script-download")) {
    button.addEventListener("click", () => downloadScript(button.dataset.format));
  }
  $("language").addEventListener("change", () => script.lines.length && readScript());
  document.addEventListener("voices", () => fillVoices() && script.lines.length && readScript());
  try {
    for (const take of await kept((store) => store.getAll())) takes.set(take.key, take);
  } catch (error) {
    complain(error.message);
  }
  if (!$("voice").options.length) await new Promise((done) => document.addEventListener("voices", done, { once: true }));
  if ($("script").value.trim()) readScript();
}

beginScript();
