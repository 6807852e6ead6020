
// Values

const signed = () => limits[0] < 0;
const emotionRows = [];

function makeEmotions() {
  about.emotions.forEach((emotion, i) => {
    const bar = made("i");
    const value = made("span", {className: "number"});
    const swatch = made("span", {className: "swatch"});
    const track = made("span", {className: "track"}, bar);
    const button = made("button", {type: "button", className: "emotion"}, swatch,
      made("span", {className: "name", textContent: emotion.name, title: emotion.name}),
      track, value);
    swatch.style.color = track.style.color = emotion.colour;
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => toggleEmotion(i));
    at("emotions").append(button);
    emotionRows.push({button: button, bar: bar, value: value});
  });
}

function toggleEmotion(i) {
  if (!hidden.delete(i)) {
    hidden.add(i);
  }
  emotionRows[i].button.setAttribute("aria-pressed", String(!hidden.has(i)));
  chartOf("lines").setSeries(i + 1, {show: !hidden.has(i)});
}

// Values at the pointer, or else at the place in the video.
function tellMoment() {
  const frame = frameAt(hovered === null ? now : hovered);
  const row = person < 0 ? -1 : rowOf(person, frame);
  at("clock").textContent = clockText(now, 2) + " / " + clockText(END, 2);
  at("moment").textContent = (hovered === null ? "" : "Pointer: ")
    + clockText(table.time[frame], 3) + " · frame " + table.number[frame] + " · " + seen(frame, row);
  const shown = drawn.shown[frame];
  emotionRows.forEach((one, i) => {
    const value = row < 0 ? null : table[step][row * EMOTIONS + i] / about.units;
    one.value.textContent = value === null ? "–" : shareText(value);
    one.button.classList.toggle("strongest", shown === i);
    const width = value === null ? 0 : Math.min(1, Math.abs(value)) * (signed() ? 50 : 100);
    one.bar.style.width = width + "%";
    one.bar.style.left = (signed() ? (value < 0 ? 50 - width : 50) : 0) + "%";
  });
}

function seen(frame, row) {
  if (row >= 0) {
    return about.statuses[table.status[row]] === "ok" ? "face found" : "face tracked";
  }
  const first = firstRow[frame];
  return isLost(frame) ? "not decoded" : table.person[first] < 0 ? "no face" : "not seen";
}


// Segments and totals

const segments = about.segments.map(([face, emotion, onset, apex, offset, peak, mean]) => ({
  person: about.people.findIndex((one) => one.face === face),
  emotion: emotion, onset: onset, apex: apex, offset: offset, peak: peak, mean: mean,
}));
let shownSegments = [];
let segmentRows = [];
let current = -1;

const segmentsShown = () => shownSegments;

const NUMBERS = [
  ["onset", (one) => clockText(one.onset, 2)],
  ["offset", (one) => clockText(one.offset, 2)],
  ["duration", (one) => lasting(one.offset - one.onset)],
  ["apex", (one) => clockText(one.apex, 2), "wide"],
  ["peak", (one) => shareText(one.peak)],
  ["mean", (one) => shareText(one.mean), "wide"],
];

function headerOf(names) {
  return made("thead", {}, made("tr", {}, ...names.map(([name, style]) =>
    made("th", {textContent: name, className: style, scope: "col"}))));
}

function swatchOf(emotion) {
  const swatch = made("span", {className: "swatch"});
  swatch.style.color = emotion.colour;
  return swatch;
}

function listSegments() {
  shownSegments = segments.filter((one) => one.person === person);
  segmentRows = shownSegments.map((one) => {
    const emotion = about.emotions[one.emotion];
    const button = made("button", {type: "button"}, swatchOf(emotion), " " + emotion.name);
    return made("tr", {onclick: () => jump(one.onset)}, made("td", {}, button),
      ...NUMBERS.map(([, text, style]) =>
        made("td", {textContent: text(one), className: "number " + (style || "")})));
  });
  at("segments").replaceChildren(
    headerOf([["emotion", ""], ...NUMBERS.map(([name, , style]) =>
      [name, "number " + (style || "")])]),
    made("tbody", {}, ...segmentRows));
  at("segments-told").textContent = shownSegments.length
    ? "· " + counted(shownSegments.length, "stretch", "stretches") + ", a click goes there"
    : "· no emotion was strong for long enough";
  current = -1;
}

function segmentAt(time) {
  return shownSegments.findIndex((one) => one.onset <= time + 1e-6 && time < one.offset);
}

function markSegment() {
  const found = segmentAt(now);
  if (found === current) {
    return;
  }
  if (segmentRows[current]) {
    segmentRows[current].removeAttribute("aria-current");
  }
  current = found;
  const row = segmentRows[current];
  if (row) {
    row.setAttribute("aria-current", "true");
    const list = at("segments").parentElement;  // scrolled alone, so that the page stays
    const head = at("segments").tHead.offsetHeight;
    if (row.offsetTop < list.scrollTop + head
        || row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = row.offsetTop - list.clientHeight / 2;
    }
  }
}

function stepSegments(count) {
  const onsets = shownSegments.map((one) => one.onset);
  const found = count > 0 ? onsets.find((onset) => onset > now + 1e-3)
    : onsets.reverse().find((onset) => onset < now - 1e-3);
  if (found !== undefined) {
    jump(found);
  }
}

function listTotals() {
  const seconds = person < 0 ? [] : about.people[person].seconds;
  const whole = seconds.reduce((a, b) => a + b, 0);
  const most = Math.max(...seconds, 1e-9);
  const rows = seconds.map((time, i) => {
    const bar = made("i");
    const track = made("span", {className: "track"}, bar);
    track.style.color = about.emotions[i].colour;
    bar.style.width = 100 * time / most + "%";
    return made("tr", {},
      made("td", {}, swatchOf(about.emotions[i]), " " + about.emotions[i].name),
      made("td", {}, track),
      made("td", {className: "number", textContent: lasting(time)}),
      made("td", {className: "number", textContent:
        (whole ? 100 * time / whole : 0).toFixed(1) + " %"}));
  });
  at("totals").replaceChildren(
    headerOf([["emotion", ""], ["", ""], ["strongest for", "number"], ["share", "number"]]),
    made("tbody", {}, ...rows));
  at("totals-told").textContent = person < 0 ? "· nobody was seen"
    : "· " + about.people[person].name + ", seen for " + lasting(whole);
  at("frames").textContent = (about.steps.length > 1 ? "By the probabilities. " : "") + Object.entries(about.frames).map(([name, count], i) =>
    i ? count.toLocaleString("en") + " " + name : counted(count, "frame") + " " + name).join(", ");
}


// A person, a step

function choosePerson(chosen) {
  person = chosen;
  at("person").value = String(chosen);
  listSegments();
  listTotals();
  showStep();
  markSegment();
}

function showStep() {
  drawn = drawnOf(person, step);
  limits = limitsOf(step);
  drawView();
  chartOf("overview").redraw();
  tellMoment();
  showBoxes();
}

const STEP_NAMES = {
  raw: "probabilities", baseline: "above the baseline", smoothed: "smoothed",
};

function makeChoices() {
  about.people.forEach((one, i) => {
    at("person").append(new Option(one.name, String(i)));
  });
  at("person-label").hidden = about.people.length < 2;
  at("person").addEventListener("change", () => choosePerson(Number(at("person").value)));
  about.steps.forEach((name) => at("step").append(new Option(STEP_NAMES[name], name)));
  at("step").value = step;
  at("step-label").hidden = about.steps.length < 2;
  at("step").addEventListener("change", () => {
    step = at("step").value;
    showStep();
  });
}


// Keys

const KEYS = {
  " ": playOrPause,
  "ArrowLeft": (event) => (event.shiftKey ? jump(now - 1) : stepFrames(-1)),
  "ArrowRight": (event) => (event.shiftKey ? jump(now + 1) : stepFrames(1)),
  "Home": () => jump(BEGIN),
  "End": () => jump(table.time[FRAMES - 1]),
  "[": () => stepSegments(-1),
  "]": () => stepSegments(1),
  "+": () => zoomAroundNow(0.5),
  "=": () => zoomAroundNow(0.5),
  "-": () => zoomAroundNow(2),
  "−": () => zoomAroundNow(2),
  "0": () => look(BEGIN, END),
  "p": () => about.people.length && choosePerson((person + 1) % about.people.length),
  "m": () => at("mute").click(),
};

function pressKey(event) {
  const typing = event.target.closest("input, select, textarea");
  const pressing = event.key === " " && event.target.closest("button, summary");
  if (typing || pressing || event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) {
    return;
  }
  event.preventDefault();
  KEYS[event.key](event);
}


// Beginning

function listen() {
  document.addEventListener("keydown", pressKey);
  // After a click the keys are the page's again; who walks with Tab stays where they are.
  document.addEventListener("click", (event) => {
    const button = event.detail && event.target.closest("button");
    if (button) {
      button.blur();
    }
  });
  at("play").addEventListener("click", playOrPause);
  at("back").addEventListener("click", () => stepFrames(-1));
  at("on").addEventListener("click", () => stepFrames(1));
  at("in").addEventListener("click", () => zoomAroundNow(0.5));
  at("out").addEventListener("click", () => zoomAroundNow(2));
  at("reset").addEventListener("click", () => look(BEGIN, END));
  at("export").addEventListener("click", saveStretch);
  at("speed").addEventListener("change", () => {
    video.playbackRate = Number(at("speed").value);
  });
  at("mute").addEventListener("click", () => {
    video.muted = !video.muted;
    at("mute").setAttribute("aria-pressed", String(video.muted));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    theme = {};
    readTheme();
    CHARTS.forEach(({chart}) => chart.redraw());
  });
  new ResizeObserver(() => {
    CHARTS.forEach(({id, chart}) =>
      chart.setSize({width: at(id).clientWidth, height: heightOf(id)}));
    drawView();
    showBoxes();
  }).observe(at("lines").parentElement);
  new ResizeObserver(showBoxes).observe(video);
}

function describe() {
  at("about-clip").textContent = ["Emotion timeline", clockText(END - BEGIN, 2),
    counted(about.people.length, "person", "people"), counted(FRAMES, "frame"),
    "fer " + about.version].join(" · ");
  at("key").append(
    made("span", {id: "means", hidden: true}),
    made("span", {}, made("span", {className: "absent"}), "no face, or not seen"));
  if (about.frames["not decoded"]) {
    at("key").append(made("span", {}, made("span", {className: "lost"}), "not decoded"));
  }
  about.made.forEach(([name, text]) => {
    at("made").append(made("dt", {textContent: name}), made("dd", {textContent: text}));
  });
}

readTheme();
describe();
makeEmotions();
makeChoices();
limits = limitsOf(step);
drawn = drawnOf(person, step);
makeCharts();
listenToPointers();
choosePerson(person);
findVideo();
listen();
look(BEGIN, END);
