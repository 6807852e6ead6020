
// The video

const video = at("video");
let playable = false;
let shift = 0;  // what the video's clock shows at time 0 of the timeline

function findVideo() {
  setPlayable();
  const pieces = [...document.querySelectorAll("script.clip")];
  if (pieces.length) {
    showVideo(new Blob(pieces.map((one) => bytesOf(one.textContent)), {type: about.clip.type}));
    pieces.forEach((one) => one.remove());
  } else if (about.clip) {
    video.src = about.clip.address;
  } else {
    missVideo("This page knows of no video.");
  }
  video.addEventListener("loadedmetadata", () => {
    at("screen").hidden = false;
    at("missing").hidden = true;
    alignVideo();
  });
  video.addEventListener("error", () => missVideo(
    "The video " + (about.clip ? about.clip.file + " " : "") +
    "was not found, or this browser cannot play it. The timeline works without it."));
  ["play", "pause", "ended"].forEach((name) => video.addEventListener(name, tellPlaying));
  video.addEventListener("play", () => requestAnimationFrame(follow));
  video.addEventListener("pause", showMoment);
  video.addEventListener("click", playOrPause);
  at("choose").addEventListener("change", () => {
    if (at("choose").files.length) {
      showVideo(at("choose").files[0]);
    }
  });
}

function showVideo(blob) {
  if (video.src.startsWith("blob:")) {
    URL.revokeObjectURL(video.src);
  }
  playable = false;
  video.src = URL.createObjectURL(blob);
}

function missVideo(why) {
  playable = false;
  at("screen").hidden = true;
  at("missing").hidden = false;
  at("why-missing").textContent = why;
  setPlayable();
}

function setPlayable() {
  ["play", "mute", "speed"].forEach((id) => {
    at(id).disabled = !playable;
  });
}

// Of a clip that does not begin at 0 some browsers count from its beginning, as we do, and some do
// not. The first frame tells; where a browser keeps silent about it (as it does of a page that is
// out of sight), its clock does, which cannot be set to before the first frame.
function alignVideo() {
  const start = about.clip ? about.clip.start : null;
  shift = start || 0;
  if (table.number[0] !== 0 || isLost(0)) {
    beginVideo();
    return;
  }
  const align = (first) => {
    if (!playable) {
      const found = first - BEGIN;
      const near = Math.abs(found - shift) <= Math.abs(found) ? shift : 0;
      shift = start === null ? found : near;
      beginVideo();
    }
  };
  const alignByClock = () => align(video.currentTime || shift + BEGIN);
  if (video.requestVideoFrameCallback) {
    video.requestVideoFrameCallback((_, shown) => align(shown.mediaTime));
  }
  video.addEventListener("seeked", () => setTimeout(alignByClock, 300), {once: true});
  setTimeout(alignByClock, 2000);  // some browsers load no frame before somebody plays
  video.currentTime = 0;
}

function beginVideo() {
  if (!playable && video.readyState > 0) {
    playable = true;
    setPlayable();
    putVideo();
    showBoxes();
  }
}

// A moment after the time of a frame, so that rounding does not show the one before.
function putVideo() {
  if (playable) {
    const time = now + shift + 0.001;
    video.currentTime = Number.isFinite(video.duration) ? Math.min(time, video.duration) : time;
  }
}

function playOrPause() {
  if (!playable) {
    return;
  }
  if (!video.paused) {
    video.pause();
    return;
  }
  if (now >= END - 0.05) {
    seek(BEGIN);
  } else if (Math.abs(video.currentTime - shift - now) > 0.1) {
    putVideo();
  }
  video.play().catch((error) => say("The video cannot be played: " + error.message));
}

function tellPlaying() {
  at("play").setAttribute("aria-label", video.paused ? "Play" : "Pause");
}

// A busy browser may have stopped at another picture than that of the moment it tells, or between
// two, so it goes to where the frame begins; not so far back where only some frames were looked at.
// Out of sight the moment is not followed, and the video is right.
function showMoment() {
  if (video.ended || !playable) {
    return;
  }
  if (!video.seeking && Math.abs(video.currentTime - shift - now) > 0.5) {
    goTo(video.currentTime - shift);
  }
  const begin = table.time[frameAt(now)];
  seek(now - begin < 0.1 ? begin : now);
}

function follow() {
  if (video.paused) {
    return;
  }
  if (!video.seeking) {
    goTo(video.currentTime - shift);
    if (now < view[0] || now > view[1]) {  // turn the page
      pan(now - view[0] - 0.02 * (view[1] - view[0]));
    }
  }
  requestAnimationFrame(follow);
}

function goTo(time) {
  now = Math.min(Math.max(time, BEGIN), END);
  tellMoment();
  placeMarks();
  showBoxes();
  markSegment();
}

function seek(time) {
  goTo(time);
  putVideo();
}

// To a place that may be out of view.
function jump(time) {
  seek(time);
  if (now < view[0] || now > view[1]) {
    pan(now - (view[0] + view[1]) / 2);
  }
}

function stepFrames(count) {
  video.pause();
  jump(table.time[Math.min(Math.max(frameAt(now) + count, 0), FRAMES - 1)]);
}

const boxes = [];

function showBoxes() {
  const frame = frameAt(now);
  const rows = [];
  for (let row = firstRow[frame]; playable && row < firstRow[frame + 1]; row++) {
    if (table.person[row] >= 0) {
      rows.push(row);
    }
  }
  while (boxes.length < rows.length) {
    boxes.push(made("button", {type: "button", className: "box", tabIndex: -1}, made("span")));
    boxes[boxes.length - 1].addEventListener("click", chooseBox);
    at("boxes").append(boxes[boxes.length - 1]);
  }
  const shown = shownPicture();
  boxes.forEach((box, i) => {
    box.hidden = i >= rows.length;
    if (!box.hidden) {
      placeBox(box, rows[i], shown);
    }
  });
}

function chooseBox(event) {
  const chosen = Number(event.currentTarget.dataset.person);
  if (chosen === person) {
    playOrPause();
  } else {
    choosePerson(chosen);
  }
}

function placeBox(box, row, shown) {
  const [x, y, width, height] = table.box.subarray(4 * row, 4 * row + 4);
  const one = table.person[row];
  const emotion = about.emotions[strongestOf(step, row)];
  box.dataset.person = one;
  box.setAttribute("aria-pressed", String(one === person));
  box.classList.toggle("high", y * shown.down < 24);
  Object.assign(box.style, {
    left: shown.left + x * shown.across + "px", top: shown.top + y * shown.down + "px",
    width: width * shown.across + "px", height: height * shown.down + "px",
    borderColor: one === person ? emotion.colour : "",
  });
  box.firstChild.textContent =
    (about.people.length > 1 ? about.people[one].name + ": " : "") + emotion.name;
}

// Where in the page the picture is, and how large a pixel of it.
function shownPicture() {
  const [wide, high] = [video.videoWidth || 1, video.videoHeight || 1];
  const scale = Math.min(video.clientWidth / wide, video.clientHeight / high);
  const [width, height] = [wide * scale, high * scale];
  const [ownWidth, ownHeight] = (about.clip && about.clip.size) || [wide, high];
  return {
    left: video.offsetLeft + (video.clientWidth - width) / 2,
    top: video.offsetTop + (video.clientHeight - height) / 2,
    across: width / ownWidth, down: height / ownHeight,
  };
}
