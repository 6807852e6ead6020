
"use strict";

// What the page knows. Row number i has its values at position i of each column of rows, frame
// number i of the clip at position i of `time` and `number`.
const about = JSON.parse(document.getElementById("about").textContent);
const EMOTIONS = about.emotions.length;
const KINDS = {
  number: Float64Array, time: Float64Array, frame: Int32Array, person: Int32Array,
  status: Uint8Array, box: Int32Array, score: Float32Array, strongest: Int16Array,
  raw: Int16Array, baseline: Int16Array, smoothed: Int16Array,
};
const table = {};
document.querySelectorAll("script[data-column]").forEach((element) => {
  const name = element.dataset.column;
  table[name] = new KINDS[name](bytesOf(element.textContent).buffer);
  element.remove();
});
const FRAMES = table.time.length;
const ROWS = table.frame.length;
const BEGIN = table.time[0];
const END = Math.max(about.end, BEGIN + 0.001);

const LOST = EMOTIONS;  // beside the places of the emotions: what else a frame may show
const ABSENT = EMOTIONS + 1;
const LOST_STATUS = about.statuses.indexOf("decode_error");

const at = (id) => document.getElementById(id);

function bytesOf(text) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(text);
  }
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) {
    bytes[i] = letters.charCodeAt(i);
  }
  return bytes;
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function say(text) {
  at("message").textContent = text;
}


// Frames and rows

// The first row of each frame, and behind them the number of rows.
const firstRow = new Int32Array(FRAMES + 1).fill(ROWS);
for (let row = ROWS - 1; row >= 0; row--) {
  firstRow[table.frame[row]] = row;
}

function frameAt(time) {
  let low = 0;
  let high = FRAMES - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (table.time[middle] <= time + 1e-6) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

function rowOf(person, frame) {
  for (let row = firstRow[frame]; row < firstRow[frame + 1]; row++) {
    if (table.person[row] === person) {
      return row;
    }
  }
  return -1;
}

const isLost = (frame) => table.status[firstRow[frame]] === LOST_STATUS;

function strongestOf(step, row) {
  if (step === "raw") {
    return table.strongest[row];
  }
  const values = table[step];
  let best = 0;
  for (let i = 1; i < EMOTIONS; i++) {
    if (values[row * EMOTIONS + i] > values[row * EMOTIONS + best]) {
      best = i;
    }
  }
  return best;
}

// What is drawn of a person: of each frame the strongest emotion, or why none; and sums of each
// emotion's values, and of frames with the person, over all frames before.
function drawnOf(person, step) {
  const values = table[step];
  const shown = new Uint16Array(FRAMES).fill(ABSENT);
  const rows = new Int32Array(FRAMES).fill(-1);
  for (let frame = 0; frame < FRAMES; frame++) {
    if (isLost(frame)) {
      shown[frame] = LOST;
    }
  }
  for (let row = 0; row < ROWS; row++) {
    if (table.person[row] === person && person >= 0) {
      rows[table.frame[row]] = row;
      shown[table.frame[row]] = strongestOf(step, row);
    }
  }
  const seen = new Int32Array(FRAMES + 1);
  const sums = about.emotions.map((_, i) => {
    const sum = new Float64Array(FRAMES + 1);
    for (let frame = 0; frame < FRAMES; frame++) {
      const row = rows[frame];
      sum[frame + 1] = sum[frame] + (row < 0 ? 0 : values[row * EMOTIONS + i]);
      seen[frame + 1] = seen[frame] + (row >= 0);
    }
    return sum;
  });
  return {shown: shown, sums: sums, seen: seen};
}

// The lines in a stretch of time, in so many points at most: of more frames the means of 2, 4, 8
// neighbours. The same ones are always taken together, so that lines keep still when they move.
function linesIn(view, points) {
  const from = Math.max(0, frameAt(view[0]) - 1);
  const to = Math.min(FRAMES, frameAt(view[1]) + 2);
  let together = 1;
  while ((to - from) / together > points) {
    together *= 2;
  }
  const times = [];
  const lines = about.emotions.map(() => []);
  for (let first = from - from % together; first < to; first += together) {
    const behind = Math.min(FRAMES, first + together);
    const seen = drawn.seen[behind] - drawn.seen[first];
    times.push((table.time[first] + table.time[behind - 1]) / 2);
    lines.forEach((line, i) => line.push(!seen ? null
      : (drawn.sums[i][behind] - drawn.sums[i][first]) / seen / about.units));
  }
  return {together: together, data: [times, ...lines]};
}

// The greatest and the least value, so that the lines of a baseline fit.
function limitsOf(step) {
  if (step === "raw") {
    return [0, 1];
  }
  let least = 0;
  let greatest = 0;
  table[step].forEach((value) => {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  });
  const room = 0.04 * (greatest - least || about.units);
  const low = least < 0 ? (least - room) / about.units : 0;
  return [low, step === "smoothed" && !least && greatest <= about.units ? 1
    : (greatest + room) / about.units];
}


// State

let person = about.people.length ? longestSeen() : -1;
let step = about.steps[about.steps.length - 1];
let drawn = null;
let limits = null;
let now = BEGIN;
let hovered = null;  // the time under the pointer
let touched = false;  // a finger hovers nowhere, whatever the browser makes of it
let view = [BEGIN, END];
const hidden = new Set();  // emotions whose lines are not shown

function longestSeen() {
  const seconds = about.people.map((one) => one.seconds.reduce((a, b) => a + b, 0));
  return seconds.indexOf(Math.max(...seconds));
}


// Words

function clockText(time, digits) {
  const unit = 10 ** digits;
  const all = Math.round(Math.max(0, time) * unit);
  const seconds = (all / unit) % 60;
  const minutes = Math.floor(all / unit / 60);
  const padded = seconds.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? hours + ":" + String(minutes % 60).padStart(2, "0") + ":" + padded
    : minutes + ":" + padded;
}

function lasting(seconds) {
  return seconds >= 120 ? clockText(seconds, 0) : seconds.toFixed(2) + " s";
}

function counted(number, noun, nouns) {
  return number.toLocaleString("en") + " " + (number === 1 ? noun : nouns || noun + "s");
}

function shareText(value) {
  return (value < 0 ? "−" : "") + Math.abs(value).toFixed(3);
}


// The visible stretch as a table, just like the one that fer writes

const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

function cellText(text) {
  const safe = FORMULA.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}

function lineOf(row) {
  const frame = table.frame[row];
  const cells = [cellText(about.name), String(table.number[frame]), table.time[frame].toFixed(6),
    about.statuses[table.status[row]]];
  const person = table.person[row];
  if (person < 0) {
    return [...cells, ...new Array(about.columns.length - cells.length).fill("")].join(",");
  }
  const share = (place, name) => (table[name][place] / about.units).toFixed(4);
  const strongest = table.strongest[row];
  const first = row * EMOTIONS;
  cells.push(String(about.people[person].face),
    ...Array.from(table.box.subarray(4 * row, 4 * row + 4), String),
    Number.isNaN(table.score[row]) ? "" : table.score[row].toFixed(4),
    cellText(about.emotions[strongest].name), share(first + strongest, "raw"));
  about.steps.forEach((name) => {
    for (let i = first; i < first + EMOTIONS; i++) {
      cells.push(share(i, name));
    }
  });
  return cells.join(",");
}

function exportText() {
  const lines = [about.columns.map(cellText).join(",")];
  const last = frameAt(view[1]);
  let frame = frameAt(view[0]);
  frame += table.time[frame] < view[0] - 1e-6 ? 1 : 0;
  for (let row = firstRow[frame]; row < firstRow[last + 1]; row++) {
    lines.push(lineOf(row));
  }
  return lines.join("\n") + "\n";
}

function saveStretch() {
  const stem = about.name.split(/[\\/]/).pop().replace(/\.[^.]*$/, "")
    .replace(/[^\p{L}\p{N} ._-]/gu, "_") || "timeline";
  const all = view[1] - view[0] >= END - BEGIN - 1e-9;
  const stretch = all ? "" : "_" + view[0].toFixed(2) + "-" + view[1].toFixed(2);
  const address = URL.createObjectURL(new Blob([exportText()], {type: "text/csv"}));
  made("a", {href: address, download: stem + stretch + ".csv"}).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
