"use strict";
// A, B and X play at once in a loop and two of them are silent: a switch keeps the place.
(() => {
  const NAMES = ["a", "b", "x"], FADE = 0.004;
  const by = (id) => document.getElementById(id);
  const hears = [...document.querySelectorAll("[data-hear]")];
  const answers = [...document.querySelectorAll("[data-answer]")];
  let context = null, trial = null, files = null, buffers = null, playing = null, busy = false, heardX = false;

  const fault = (text) => { by("fault").textContent = text; by("fault").hidden = !text; };
  async function ask(path, body) {
    const how = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const reply = await fetch(path, { cache: "no-store", ...how });
    if (!reply.ok) throw new Error(`the server said ${reply.status}`);
    return reply;
  }
  async function show(told) {
    silence();
    by("names").textContent = `A: ${told.names.a}. B: ${told.names.b}.`;
    by("test").hidden = told.over; by("result").hidden = !told.over;
    if (told.over) return finish(told);
    trial = told; files = null; buffers = null; heardX = false; enable();
    by("count").textContent = `Trial ${told.number + 1} of ${told.of}`;
    by("progress").max = told.of; by("progress").value = told.number;
    files = await Promise.all(NAMES.map(async (name) => (await ask(`sound/${told.sounds[name]}`)).arrayBuffer()));
    busy = false; enable();
    document.body.dataset.ready = String(told.number);
  }
  function enable() {
    hears.forEach((button) => { button.disabled = busy || !files; });
    answers.forEach((button) => { button.disabled = busy || !heardX; });
  }
  async function hear(name) {
    if (busy || !files) return;
    const asked = trial;
    if (!buffers) {
      const rate = new DataView(files[0]).getUint32(24, true);
      context = context || new AudioContext({ sampleRate: rate });
      buffers = await Promise.all(files.map((file) => context.decodeAudioData(file.slice(0))));
    }
    context.resume();
    if (asked !== trial) return;
    if (!playing) start();
    playing.gains.forEach((gain, i) => gain.gain.setTargetAtTime(NAMES[i] === name ? 1 : 0, context.currentTime, FADE));
    hears.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.hear === name)));
    if (name === "x") { heardX = true; enable(); }
  }
  function start() {
    const when = context.currentTime + 0.02;
    playing = { gains: [], sources: [] };
    for (const buffer of buffers) {
      const source = context.createBufferSource(), gain = context.createGain();
      source.buffer = buffer; source.loop = true; gain.gain.value = 0;
      source.connect(gain).connect(context.destination); source.start(when);
      playing.sources.push(source); playing.gains.push(gain);
    }
  }
  function silence() {
    if (playing) playing.sources.forEach((source) => source.stop());
    playing = null;
    hears.forEach((button) => button.setAttribute("aria-pressed", "false"));
  }
  async function send(path, body) {
    if (busy) return;
    busy = true; silence(); enable(); fault("");
    try { await show(await (await ask(path, body)).json()); }
    catch (error) { busy = false; enable(); fault(`The answer did not arrive: ${error.message}. Is the test still running in the terminal?`); }
  }
  const answer = (side) => { if (heardX && trial) send("answer", { number: trial.number, answer: side }); };
  function finish(told) {
    by("score").textContent = `${told.correct} of ${told.of} right` + (told.finished ? "" : ", ended early");
    by("meaning").textContent = `Guessing does as well with a probability of ${told.p.toPrecision(2)}. ` +
      (told.p < 0.05 ? "You can hear a difference." : "This does not show that you can hear a difference.");
    by("each").replaceChildren(...told.each.map((one) => {
      const line = document.createElement("li");
      line.textContent = `X was ${one.x}, you said ${one.answer}`;
      return line;
    }));
    document.body.dataset.ready = "over";
  }
  hears.forEach((button) => button.addEventListener("click", () => hear(button.dataset.hear)));
  answers.forEach((button) => button.addEventListener("click", () => answer(button.dataset.answer)));
  by("halt").addEventListener("click", silence);
  by("leave").addEventListener("click", () => { if (confirm("End the test now? Your answers are kept as unfinished.")) send("stop", {}); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || by("test").hidden) return;
    const key = event.key.toLowerCase();
    if (NAMES.includes(key)) hear(key);
    else if (key === "1" || key === "2") answer(key === "1" ? "A" : "B");
    else if (key === " " && !(event.target instanceof HTMLButtonElement)) silence();
    else return;
    event.preventDefault();
  });
  busy = true;
  ask("trial").then((reply) => reply.json()).then(show).catch((error) => { busy = false; fault(`The test did not load: ${error.message}.`); });
})();
