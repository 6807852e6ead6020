
// The charts

const CHARTS = [];
const incrs = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120,
  300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
let theme = {};

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  ["card", "grid", "faint", "absent", "lost"].forEach((name) => {
    theme[name] = style.getPropertyValue("--" + name).trim();
  });
}

const narrow = () => window.innerWidth <= 820;
const axisWidth = () => (narrow() ? 30 : 74);

function timeAxis(labelled) {
  return {
    stroke: () => theme.faint, font: "12px system-ui, sans-serif", size: labelled ? 26 : 4,
    incrs: incrs, space: 78, gap: 3,
    grid: {stroke: () => theme.grid, width: 1, show: !labelled},
    ticks: {stroke: () => theme.grid, width: 1, size: 4, show: labelled},
    values: (chart, splits, axis, space, incr) => splits.map((time) => labelled
      ? clockText(time, incr < 0.01 ? 3 : incr < 0.1 ? 2 : incr < 1 ? 1 : 0) : ""),
  };
}

function sideAxis(values) {
  return {
    stroke: () => theme.faint, font: "12px system-ui, sans-serif", size: axisWidth, gap: 6,
    grid: {stroke: () => theme.grid, width: 1, show: !values}, ticks: {show: false},
    ...(values || {}),
  };
}

const scales = (range) => ({
  x: {time: false, range: () => view}, y: {range: range},
});

function newChart(id, options, data) {
  const element = at(id);
  const chart = new uPlot({
    width: element.clientWidth, height: heightOf(id), legend: {show: false}, pxAlign: 0,
    padding: [id === "lines" ? 10 : 2, 26, 0, 0], ...options,
  }, data, element);
  chart.marks = {};
  ["now", "hover"].forEach((name) => {
    chart.marks[name] = made("div", {className: name, hidden: true});
    if (id !== "lines" || name === "now") {
      chart.over.append(chart.marks[name]);
    }
  });
  CHARTS.push({id: id, chart: chart});
  return chart;
}

function heightOf(id) {
  return {lines: narrow() ? 230 : 290, strip: 70, overview: 30}[id];
}

// The chart remembers how its canvas was set, so it has to find it as it was.
function apart(draw) {
  return (chart) => {
    chart.ctx.save();
    draw(chart);
    chart.ctx.restore();
  };
}

// The times of the whole clip, for charts that draw nothing but bands.
const span = [[BEGIN, END], [0, 0]];

function makeCharts() {
  const lines = newChart("lines", {
    cursor: {
      y: false, drag: {x: true, y: false, setScale: false, dist: 5},
      points: {size: 7, width: 1.5, stroke: (chart, i) => theme.card},
    },
    scales: scales(() => limits),
    axes: [timeAxis(false), sideAxis()],
    series: [{}, ...about.emotions.map((emotion) => ({
      label: emotion.name, stroke: emotion.colour, width: 1.6,
    }))],
    hooks: {drawClear: [apart(shadeGaps)], setCursor: [hover], setSelect: [zoomToSelection]},
  }, [[BEGIN], ...about.emotions.map(() => [null])]);
  const bands = (extra) => ({
    cursor: {show: false}, select: {show: true, left: 0, top: 0, width: 0, height: 0},
    scales: scales(() => [0, 2]), series: [{}, {show: false}], ...extra,
  });
  newChart("strip", bands({
    axes: [timeAxis(true), sideAxis({
      splits: () => [0.5, 1.5], incrs: [1], space: 1,
      values: () => (narrow() ? ["", ""] : ["segments", "strongest"]),
    })],
    hooks: {draw: [apart((chart) => drawStrongest(chart, 1.06, 2)), apart(drawSegments)]},
  }), span);
  newChart("overview", bands({
    scales: {x: {time: false, range: () => [BEGIN, END]}, y: {range: () => [0, 2]}},
    axes: [{show: false}, sideAxis({
      splits: () => [1], incrs: [1], space: 1, values: () => (narrow() ? [""] : ["all of it"]),
    })],
    hooks: {draw: [apart((chart) => drawStrongest(chart, 0, 2))]},
  }), span);
  lines.over.addEventListener("click", (event) => {
    seek(timeUnder(lines, event));
    if (touched) {
      lines.setCursor({left: -10, top: -10}, false);
    }
  });
  lines.over.addEventListener("mouseleave", () => hoverAt(null));
}

const chartOf = (id) => CHARTS.find((one) => one.id === id).chart;

function timeUnder(chart, event) {
  const box = chart.over.getBoundingClientRect();
  return chart.posToVal(event.clientX - box.left, "x");
}

function hover(chart) {
  const left = chart.cursor.left;
  hoverAt(left >= 0 && !touched ? chart.posToVal(left, "x") : null);
}

function hoverAt(time) {
  hovered = time === null ? null : Math.min(Math.max(time, BEGIN), END);
  tellMoment();
  placeMarks();
}

function zoomToSelection(chart) {
  const {left, width} = chart.select;
  if (width > 0) {
    const from = chart.posToVal(left, "x");
    const to = chart.posToVal(left + width, "x");
    chart.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
    look(from, to);
  }
}

// What each column of pixels shows: of several frames what most of them show, but a lost one is
// seen however far one is from it.
function columnsOf(chart, width) {
  const {min, max} = chart.scales.x;
  const columns = new Uint16Array(width);
  const counts = new Int32Array(EMOTIONS + 2);
  const wide = (max - min) / width;
  let frame = frameAt(min);
  for (let column = 0; column < width; column++) {
    const from = min + column * wide;
    const to = from + wide;
    while (frame < FRAMES - 1 && table.time[frame + 1] <= from) {
      frame++;
    }
    let next = frame + 1;
    if (next >= FRAMES || table.time[next] >= to) {
      columns[column] = drawn.shown[frame];
      continue;
    }
    counts.fill(0);
    for (next = frame; next < FRAMES && table.time[next] < to; next++) {
      counts[drawn.shown[next]]++;
    }
    if (counts[LOST]) {
      columns[column] = LOST;
      continue;
    }
    let most = 0;
    counts.forEach((count, place) => {
      most = count > counts[most] ? place : most;
    });
    columns[column] = most;
  }
  return columns;
}

function eachStretch(chart, draw) {
  const {left, width} = chart.bbox;
  const whole = Math.max(1, Math.round(width));
  const columns = columnsOf(chart, whole);
  let from = 0;
  for (let column = 1; column <= whole; column++) {
    if (column === whole || columns[column] !== columns[from]) {
      draw(columns[from], left + from, column - from);
      from = column;
    }
  }
}

function shadeGaps(chart) {
  const {top, height} = chart.bbox;
  eachStretch(chart, (shown, left, width) => {
    if (shown >= LOST) {
      fillGap(chart.ctx, shown, left, top, width, height);
    }
  });
}

function drawStrongest(chart, low, high) {
  const top = chart.valToPos(high, "y", true);
  const height = chart.valToPos(low, "y", true) - top;
  eachStretch(chart, (shown, left, width) => {
    if (shown >= LOST) {
      fillGap(chart.ctx, shown, left, top, width, height);
    } else {
      chart.ctx.fillStyle = about.emotions[shown].colour;
      chart.ctx.fillRect(left, top, width, height);
    }
  });
}

function drawSegments(chart) {
  const {left, width} = chart.bbox;
  const top = chart.valToPos(0.88, "y", true);
  const height = chart.valToPos(0.04, "y", true) - top;
  const ctx = chart.ctx;
  const size = 11 * uPlot.pxRatio;
  ctx.font = size + "px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  segmentsShown().forEach((one) => {
    if (one.offset < view[0] || one.onset > view[1]) {
      return;
    }
    const begin = Math.max(left, chart.valToPos(one.onset, "x", true));
    const end = Math.min(left + width, chart.valToPos(one.offset, "x", true));
    const emotion = about.emotions[one.emotion];
    ctx.fillStyle = emotion.colour;
    ctx.fillRect(begin, top, Math.max(1, end - begin - (end - begin > 4)), height);
    if (end - begin > 3 * size && ctx.measureText(emotion.name).width < end - begin - size) {
      ctx.fillStyle = emotion.ink;
      ctx.fillText(emotion.name, begin + size / 2, top + height / 2);
    }
  });
}

function fillGap(ctx, shown, left, top, width, height) {
  ctx.fillStyle = shown === LOST ? hatching(ctx) : theme.absent;
  ctx.fillRect(left, top, width, height);
}

function hatching(ctx) {
  if (!theme.hatching) {
    const size = 8;
    const tile = made("canvas", {width: size, height: size});
    const inner = tile.getContext("2d");
    inner.strokeStyle = theme.lost;
    inner.lineWidth = 1.5;
    for (const shift of [-size, 0, size]) {
      inner.moveTo(shift - 1, size + 1);
      inner.lineTo(shift + size + 1, -1);
    }
    inner.stroke();
    theme.hatching = ctx.createPattern(tile, "repeat");
  }
  return theme.hatching;
}

// Lines closer together than this are a blur, and take long to draw.
const PIXELS_OF_POINT = 2;

// Drawing waits for the next picture of the screen, so that a quick wheel draws no more than that.
let drawingAsked = false;

function look(from, to) {
  const least = Math.min(END - BEGIN, Math.max(0.02, 4 * (END - BEGIN) / FRAMES));
  const length = Math.min(END - BEGIN, Math.max(to - from, least));
  const middle = (from + to) / 2;
  const begin = Math.min(Math.max(middle - length / 2, BEGIN), END - length);
  view = [begin, begin + length];
  if (!drawingAsked) {
    drawingAsked = true;
    requestAnimationFrame(drawView);
  }
}

function drawView() {
  drawingAsked = false;
  const range = {min: view[0], max: view[1]};
  const lines = chartOf("lines");
  const {together, data} = linesIn(view, lines.over.clientWidth / PIXELS_OF_POINT);
  lines.batch(() => {
    lines.setData(data, false);
    lines.setScale("x", range);
  });
  chartOf("strip").setScale("x", range);
  at("means").hidden = together === 1;
  at("means").textContent = "lines are means of " + together + " frames each";
  const overview = chartOf("overview");
  const left = overview.valToPos(view[0], "x");
  const right = overview.valToPos(view[1], "x");
  const all = view[1] - view[0] >= END - BEGIN - 1e-9;
  const width = all ? 0 : Math.max(8, right - left);
  const height = all ? 0 : overview.over.clientHeight;
  overview.setSelect({left: Math.min(left, overview.over.clientWidth - width), top: 0,
    width: width, height: height}, false);
  at("stretch").textContent = all ? clockText(END - BEGIN, 2)
    : clockText(view[0], 2) + " – " + clockText(view[1], 2);
  at("reset").disabled = at("out").disabled = all;
  placeMarks();
}

function zoom(factor, around) {
  const [from, to] = view;
  look(around + (from - around) * factor, around + (to - around) * factor);
}

function zoomAroundNow(factor) {
  const inView = now >= view[0] && now <= view[1];
  zoom(factor, inView ? now : (view[0] + view[1]) / 2);
}

function pan(seconds) {
  const length = view[1] - view[0];
  const from = Math.min(Math.max(view[0] + seconds, BEGIN), END - length);
  look(from, from + length);
}

function placeMarks() {
  CHARTS.forEach(({id, chart}) => {
    place(chart, "now", now);
    if (id !== "lines") {
      place(chart, "hover", hovered);
    }
  });
}

function place(chart, name, time) {
  const {min, max} = chart.scales.x;
  const mark = chart.marks[name];
  mark.hidden = time === null || time < min || time > max;
  if (!mark.hidden) {
    mark.style.transform = "translateX(" + chart.valToPos(time, "x") + "px)";
  }
}


// Pointers

function listenToPointers() {
  const lines = chartOf("lines");
  const strip = chartOf("strip");
  [lines, strip].forEach((chart) => {
    chart.over.addEventListener("wheel", (event) => turnWheel(chart, event), {passive: false});
    chart.over.addEventListener("dblclick", () => look(BEGIN, END));
  });
  drag(strip, (event) => seek(timeUnder(strip, event)));
  strip.over.addEventListener("pointermove", (event) => {
    hoverAt(event.pointerType === "touch" ? null : timeUnder(strip, event));
  });
  strip.over.addEventListener("pointerleave", () => hoverAt(null));
  const overview = chartOf("overview");
  let grabbed = 0;
  drag(overview, (event, first) => {
    const time = timeUnder(overview, event);
    const middle = (view[0] + view[1]) / 2;
    if (first) {
      grabbed = time >= view[0] && time <= view[1] ? middle - time : 0;
    }
    pan(time + grabbed - middle);
  });
  fingers(lines);
}

function drag(chart, act) {
  chart.over.addEventListener("pointerdown", (event) => {
    if (event.button === 0) {
      chart.over.setPointerCapture(event.pointerId);
      act(event, true);
    }
  });
  chart.over.addEventListener("pointermove", (event) => {
    if (chart.over.hasPointerCapture(event.pointerId)) {
      act(event, false);
    }
  });
}

function turnWheel(chart, event) {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
  const aside = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    pan(aside * lines * (view[1] - view[0]) / chart.over.clientWidth);
  } else {
    zoom(1.0018 ** (event.deltaY * lines), timeUnder(chart, event));
  }
}

// One finger moves along, two zoom; a tap is a click.
function fingers(chart) {
  const down = new Map();
  const lift = (event) => down.delete(event.pointerId);
  ["pointerdown", "pointermove"].forEach((name) => chart.over.addEventListener(name, (event) => {
    touched = event.pointerType === "touch";
  }, {capture: true}));
  chart.over.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") {
      down.set(event.pointerId, timeUnder(chart, event));
    }
  });
  chart.over.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId) || drawingAsked) {
      return;
    }
    const time = timeUnder(chart, event);
    const other = [...down].find(([id]) => id !== event.pointerId);
    if (!other) {
      pan(down.get(event.pointerId) - time);
    } else {
      const before = Math.abs(down.get(event.pointerId) - other[1]);
      const after = Math.abs(time - other[1]);
      if (after > 0) {
        zoom(before / after, other[1]);
      }
    }
  });
  ["pointerup", "pointercancel"].forEach((name) => chart.over.addEventListener(name, lift));
}
