
"use strict";

// What the page knows of its faces. Face number i has its values at position i of each column.
const about = JSON.parse(document.getElementById("about").textContent);
const sheets = document.querySelectorAll("script.sheet");

const FACES_OF_PAGE = 200;
const SHOWN_SIZE = 96;
const STORED_AS = "fer review " + about.digest;
const UNLABELLED = "(unlabelled)";
const UNKNOWN = "(unknown)";

const at = (id) => document.getElementById(id);

const emotionKeys = [...about.emotions, ...about.other_emotions];

// Decisions, each a line of the list by the names of its columns. A decision about a single face
// goes before one about all of its video.
const decisions = new Map();

let view = [];  // numbers of the faces that the filters let through
let page = 0;
let pictures = new Map();  // addresses of the sheets that are shown, by their number


// Faces

const everyFace = about.row.map((_, face) => face);

function wasOf(face) {
  return about.label[face] < 0 ? "" : about.emotions[about.label[face]];
}

function videoOf(face) {
  return about.video[face] < 0 ? "" : about.videos[about.video[face]];
}

function participantOf(face) {
  return about.participant[face] < 0 ? UNKNOWN : about.participants[about.participant[face]];
}

const faceKeys = about.row.map((row) => faceKey(row));
const videoKeys = everyFace.map((face) =>
  videoOf(face) ? videoKey(videoOf(face), about.track[face], wasOf(face)) : null);

function faceKey(row) {
  return "face " + row;
}

function videoKey(video, track, was) {
  return "video " + JSON.stringify([video, Number(track), was]);
}

function keyOf(line) {
  return line.scope === "face" ? faceKey(line.row) : videoKey(line.video, line.track, line.was);
}


// Decisions

function decisionOf(face) {
  return decisions.get(faceKeys[face]) || decisions.get(videoKeys[face]);
}

function decide(face, action, emotion) {
  const now = decisionOf(face);
  const same = now && now.action === action && now.emotion === emotion;
  const right = action === "label" ? emotion === wasOf(face)
    : action === "unlabel" && wasOf(face) === "";
  if (same || right) {
    action = "keep";
    emotion = "";
  }
  const whole = at("whole-video").checked && videoKeys[face] !== null;
  decisions.delete(faceKeys[face]);
  if (whole) {
    decisions.delete(videoKeys[face]);
  }
  // What is kept needs no word, unless something is said of its video.
  if (action !== "keep" || (!whole && decisions.has(videoKeys[face]))) {
    const line = lineOf(face, action, emotion, whole ? "video" : "face");
    decisions.set(keyOf(line), line);
  }
  keepProgress();
  showDecisions();
}

function lineOf(face, action, emotion, scope) {
  return {
    row: about.row[face], image: about.image[face], video: videoOf(face),
    frame: about.frame[face], track: about.track[face], was: wasOf(face),
    action: action, emotion: emotion, scope: scope,
  };
}

function keepProgress() {
  try {
    localStorage.setItem(STORED_AS, JSON.stringify([...decisions.values()]));
  } catch {
    say("This browser does not keep decisions: save the list before you close the page.");
  }
}

function findProgress() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED_AS) || "[]");
    kept.forEach((line) => decisions.set(keyOf(line), line));
  } catch {
    say("This browser does not keep decisions: save the list before you close the page.");
  }
}


// The list

function listText() {
  const lines = [...decisions.values()].sort((a, b) => a.row - b.row);
  const cells = lines.map((line) => about.columns.map((name) => cellText(line[name])).join(","));
  return ["# " + about.title, "# " + about.dataset_line, about.columns.join(","), ...cells, ""]
    .join("\r\n");
}

function cellText(value) {
  const text = String(value);
  return /^[^",;\t\r\n]*$/.test(text) ? text : '"' + text.replaceAll('"', '""') + '"';
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([listText()], { type: "text/csv" }));
  link.download = "review.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function load(text) {
  const [title, dataset, header, ...lines] = cellsOf(text);
  if (!title || title[0] !== "# " + about.title || title.length > 1) {
    return "This is no review list; nothing was loaded.";
  }
  if (!dataset || dataset.join("") !== "# " + about.dataset_line) {
    return "This list is of another dataset; nothing was loaded.";
  }
  if (String(header) !== String(about.columns)) {
    return "The list lacks its header; nothing was loaded.";
  }
  const short = lines.find((cells) => cells.length !== about.columns.length);
  if (short) {
    return `A line of the list has ${short.length} cells; nothing was loaded.`;
  }
  const place = about.columns.indexOf("action");
  const strange = lines.find((cells) => !about.actions.includes(cells[place]));
  if (strange) {
    return `The action ${strange[place]} is unknown; nothing was loaded.`;
  }
  for (const cells of lines) {
    const line = Object.fromEntries(about.columns.map((name, place) => [name, cells[place]]));
    decisions.set(keyOf(line), line);
  }
  keepProgress();
  return `${lines.length} decisions were loaded.`;
}

// Cells of each line that is not blank, without empty last cells. Spreadsheets separate cells by
// other signs, too.
function cellsOf(text) {
  const header = text.split(/[\r\n]+/).find((line) => line.slice(0, 8).includes("row")) || "";
  const count = (sign) => header.split(sign).length;
  const sign = [",", ";", "\t"].reduce((a, b) => count(b) > count(a) ? b : a);
  const rows = [];
  let row = [], cell = "", quoted = false;
  const endRow = () => {
    row.push(cell);
    cell = "";
    while (row.length && !row[row.length - 1].trim()) {
      row.pop();
    }
    if (row.length) {
      rows.push(row);
    }
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (quoted) {
      if (letter !== '"') {
        cell += letter;
      } else if (text[i + 1] === '"') {
        cell += text[++i];
      } else {
        quoted = false;
      }
    } else if (letter === '"') {
      quoted = true;
    } else if (letter === sign) {
      row.push(cell);
      cell = "";
    } else if (letter === "\n" || letter === "\r") {
      endRow();
    } else {
      cell += letter;
    }
  }
  endRow();
  return rows;
}


// What is shown

function say(text) {
  at("message").textContent = text;
}

function chooseFaces() {
  const emotion = at("emotion").value, participant = at("participant").value;
  const state = at("state").value;
  view = everyFace.filter((face) =>
    (emotion === "" || about.label[face] === Number(emotion))
    && (participant === "" || about.participant[face] === Number(participant))
    && (state === "all" || Boolean(decisionOf(face)) === (state === "decided")));
  showPage(0);
}

function pageCount() {
  return Math.max(1, Math.ceil(view.length / FACES_OF_PAGE));
}

function facesOfPage() {
  return view.slice(page * FACES_OF_PAGE, (page + 1) * FACES_OF_PAGE);
}

function showPage(number) {
  page = Math.min(Math.max(number, 0), pageCount() - 1);
  at("page").value = page + 1;
  at("page").max = pageCount();
  at("pages").textContent = `${pageCount()}, ${view.length.toLocaleString("en")} faces`;
  const before = pictures;
  pictures = new Map();
  const tiles = [];
  let heading = null;
  for (const face of facesOfPage()) {
    const group = `${wasOf(face) || UNLABELLED}, ${participantOf(face)}`;
    if (group !== heading) {
      heading = group;
      const title = element("h2", group);
      if (wasOf(face)) {
        title.prepend(swatchOf(wasOf(face)));
      }
      tiles.push(title);
    }
    tiles.push(tileOf(face, before));
  }
  at("faces").replaceChildren(...tiles);
  before.forEach((address, sheet) => pictures.has(sheet) || URL.revokeObjectURL(address));
  at("told").textContent = "";
  showDecisions();
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// An emotion has one colour wherever it is told, the same as in plots, videos and other pages.
function colour(node, name) {
  const [ground, ink] = about.colours[emotionKeys.indexOf(name)] || ["", ""];
  node.style.setProperty("--emotion", ground);
  node.style.setProperty("--ink", ink);
}

function swatchOf(name) {
  const swatch = element("span", "");
  swatch.className = "swatch";
  colour(swatch, name);
  return swatch;
}

function tileOf(face, before) {
  const tile = element("button", "");
  tile.type = "button";
  tile.className = "face";
  tile.dataset.face = face;
  const picture = element("span", ""), decision = element("span", "");
  picture.className = "picture";
  decision.className = "decision";
  const { faces, columns } = about.sheet;
  const place = face % faces, sheet = Math.floor(face / faces);
  picture.style.backgroundImage = `url("${pictureOf(sheet, before)}")`;
  picture.style.backgroundSize = `${columns * SHOWN_SIZE}px auto`;
  picture.style.backgroundPosition =
    `-${place % columns * SHOWN_SIZE}px -${Math.floor(place / columns) * SHOWN_SIZE}px`;
  tile.append(picture, decision);
  return tile;
}

function pictureOf(sheet, before) {
  if (!pictures.has(sheet)) {
    pictures.set(sheet, before.get(sheet) || decoded(sheets[sheet].textContent));
  }
  return pictures.get(sheet);
}

function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
}

function showDecisions() {
  for (const tile of at("faces").querySelectorAll(".face")) {
    const face = Number(tile.dataset.face), decision = decisionOf(face);
    const said = decision ? saidBy(decision) : "";
    tile.dataset.action = decision ? decision.action : "";
    colour(tile, decision ? decision.emotion : "");
    tile.querySelector(".decision").textContent = said;
    tile.setAttribute("aria-label", `${describe(face)}${said && "; " + said}`);
  }
  showCounts();
}

function saidBy(decision) {
  return { remove: "removed", unlabel: "no label", keep: "kept", label: decision.emotion }[
    decision.action];
}

function describe(face) {
  const video = videoOf(face), time = about.time[face];
  const place = video ? `, ${video}, frame ${about.frame[face]}` : "";
  const when = time === null ? "" : `, ${time} s`;
  return `row ${about.row[face]}, ${wasOf(face) || UNLABELLED}, ${participantOf(face)}`
    + `${place}${when}${video && `, face ${about.track[face]}`}`;
}

function showCounts() {
  const counts = { remove: 0, label: 0, unlabel: 0, keep: 0 }, used = new Set();
  for (const face of everyFace) {
    const decision = decisionOf(face);
    if (decision) {
      counts[decision.action]++;
      used.add(decision);
    }
  }
  const others = [...decisions.values()].filter((line) => !used.has(line)).length;
  const shown = everyFace.length.toLocaleString("en");
  const all = about.faces_of_dataset.toLocaleString("en");
  at("counts").textContent = `${shown} of the dataset's ${all} faces are here: `
    + `${counts.remove} removed, ${counts.label} with another emotion, ${counts.unlabel} without `
    + `a label` + (others ? `; ${others} decisions are about faces that are not here` : "");
}


// What one can do

function addBrush(action, emotion, text, key) {
  const label = element("label", "");
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "brush";
  input.value = JSON.stringify([action, emotion]);
  input.checked = action === "remove";
  label.append(input, " ");
  if (action === "label") {
    label.append(swatchOf(emotion));
  }
  label.append(text + " ");
  if (key) {
    label.append(element("kbd", key));
  }
  at("brush").append(label);
}

function addOption(select, value, text) {
  const option = element("option", text);
  option.value = value;
  at(select).append(option);
}

function fillForms() {
  addBrush("remove", "", "no face, remove it", "x");
  emotionKeys.forEach((name, place) => addBrush("label", name, name, place < 9 && place + 1));
  addBrush("unlabel", "", "no emotion, unlabelled", "0");
  addBrush("keep", "", "right as it is", "Backspace");
  const count = (column, value) => column.filter((one) => one === value).length;
  const fill = (select, names, column, unknown) => {
    addOption(select, "", "all");
    [...names.keys(), -1].forEach((value) => {
      const number = count(column, value);
      if (number) {
        addOption(select, value, `${value < 0 ? unknown : names[value]}: ${number}`);
      }
    });
  };
  fill("emotion", about.emotions, about.label, UNLABELLED);
  fill("participant", about.participants, about.participant, UNKNOWN);
}

function focusedFace() {
  const tile = document.activeElement;
  return tile && tile.classList.contains("face") ? tile : null;
}

function focusTile(place) {
  const tiles = at("faces").querySelectorAll(".face");
  if (tiles.length) {
    tiles[Math.min(Math.max(place, 0), tiles.length - 1)].focus();
  }
}

function moveFocus(key) {
  const tiles = [...at("faces").querySelectorAll(".face")];
  const now = focusedFace();
  if (!now) {
    focusTile(0);
    return;
  }
  const place = tiles.indexOf(now);
  if (key === "ArrowLeft" || key === "ArrowRight") {
    moveTo(place + (key === "ArrowRight" ? 1 : -1), tiles.length);
  } else {
    const down = key === "ArrowDown", middle = now.offsetLeft;
    const beyond = tiles.filter((tile) =>
      down ? tile.offsetTop > now.offsetTop : tile.offsetTop < now.offsetTop);
    const tops = beyond.map((tile) => tile.offsetTop);
    const top = down ? Math.min(...tops) : Math.max(...tops);
    const line = beyond.filter((tile) => tile.offsetTop === top);
    line.sort((a, b) => Math.abs(a.offsetLeft - middle) - Math.abs(b.offsetLeft - middle));
    if (line.length) {
      line[0].focus();
    }
  }
}

function moveTo(place, tiles) {
  if (place >= tiles && page < pageCount() - 1) {
    showPage(page + 1);
    focusTile(0);
  } else if (place < 0 && page > 0) {
    showPage(page - 1);
    focusTile(FACES_OF_PAGE);
  } else {
    focusTile(place);
  }
}

function decisionByKey(key) {
  if (key === "x" || key === "Delete") {
    return ["remove", ""];
  }
  if (key === "0") {
    return ["unlabel", ""];
  }
  if (key === "Backspace") {
    return ["keep", ""];
  }
  const name = /^[1-9]$/.test(key) ? emotionKeys[Number(key) - 1] : undefined;
  return name === undefined ? null : ["label", name];
}

function onKey(event) {
  const typing = event.target.matches("select, input:not([type=radio], [type=checkbox])");
  if (typing || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const tile = focusedFace(), decision = decisionByKey(event.key);
  if (tile && decision) {
    decide(Number(tile.dataset.face), ...decision);
  } else if (event.key.startsWith("Arrow") && event.target.type !== "radio") {
    moveFocus(event.key);
  } else if (event.key === "PageDown" || event.key === "PageUp") {
    showPage(page + (event.key === "PageDown" ? 1 : -1));
    focusTile(0);
  } else if (event.key === "v") {
    at("whole-video").click();
  } else {
    return;
  }
  event.preventDefault();
}

at("faces").addEventListener("click", (event) => {
  const tile = event.target.closest(".face");
  if (tile) {
    const brush = document.querySelector("input[name=brush]:checked").value;
    decide(Number(tile.dataset.face), ...JSON.parse(brush));
  }
});
at("faces").addEventListener("focusin", (event) => {
  const tile = event.target.closest(".face");
  at("told").textContent = tile ? describe(Number(tile.dataset.face)) : "";
});
for (const id of ["emotion", "participant", "state"]) {
  at(id).addEventListener("change", chooseFaces);
}
at("page").addEventListener("change", () => showPage(Number(at("page").value) - 1));
at("previous").addEventListener("click", () => showPage(page - 1));
at("next").addEventListener("click", () => showPage(page + 1));
at("save").addEventListener("click", save);
at("load").addEventListener("change", async () => {
  const [file] = at("load").files;
  if (file) {
    say(load(await file.text()));
    at("load").value = "";
    chooseFaces();
  }
});
at("clear").addEventListener("click", () => {
  if (confirm("Forget all decisions about this dataset?")) {
    decisions.clear();
    keepProgress();
    chooseFaces();
  }
});
document.addEventListener("keydown", onKey);

fillForms();
findProgress();
chooseFaces();
