// Gross masses of the last hour over time: one mark per passage, its shape and colour by
// the verdict, drawn by uPlot; the table beside it says the same. Fetched anew when the
// wall hears of a passage.
"use strict";

(() => {
  const SPAN_S = 3600;
  const AT_MOST_EVERY_MS = 2000;
  const REDRAW_MS = 15000;
  const MOST_POINTS = 500;
  const HUNDRED_T = 100;
  const KINDS = ["lawful", "over", "hundred", "other"];
  const COLOURS = { lawful: "#37678a", over: "#7a4b00", hundred: "#9b1c1c", other: "#5d6972" };
  const FILLED = { over: "#f0c15c", hundred: "#9b1c1c" };
  const INK = "#46545f";

  const panel = document.getElementById("masses");
  const words = panel.dataset;
  const room = document.getElementById("masses-chart");
  const here = document.getElementById("masses-here");
  const table = document.getElementById("masses-table");
  const rows = document.getElementById("masses-rows");
  const station = document.getElementById("masses-station");
  const font = `12px ${getComputedStyle(document.documentElement).fontFamily}`;
  const clock = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Shanghai", hour12: false, ...options });
  const minutes = clock({ hour: "2-digit", minute: "2-digit" });
  const seconds = clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  let points = [];
  let due = true;
  let asked = 0;
  let drawn = 0;

  const kindOf = (one) => {
    if (!one.valid || one.overloaded === null) return "other";
    if (!one.overloaded) return "lawful";
    return one.hundred_tonne ? "hundred" : "over";
  };
  const verdictOf = (one) => {
    if (!one.valid) return words.invalid;
    return one.overloaded === null ? words.undecided : words[kindOf(one)];
  };
  const massOf = (one) => words.tonnes.replace("%v", (one.gross_mass_kg / 1000).toFixed(2));

  // ------------------------------------------------------------- marks
  const outlines = {
    lawful: (path, x, y, r) => { path.moveTo(x + r, y); path.arc(x, y, r, 0, 2 * Math.PI); },
    over: (path, x, y, r) => { path.moveTo(x, y - 1.2 * r); path.lineTo(x + 1.2 * r, y + r); path.lineTo(x - 1.2 * r, y + r); path.closePath(); },
    hundred: (path, x, y, r) => {
      const [far, near] = [1.3 * r, 0.55 * r];
      for (const [dx, dy] of [[near, -far], [far, -near], [far, near], [near, far], [-near, far], [-far, near], [-far, -near], [-near, -far]]) path.lineTo(x + dx, y + dy);
      path.closePath();
    },
    other: (path, x, y, r) => { path.moveTo(x - r, y - r); path.lineTo(x + r, y + r); path.moveTo(x + r, y - r); path.lineTo(x - r, y + r); },
  };

  const marks = (kind) => (plot, series, first, last) => {
    const path = new Path2D();
    const clip = new Path2D();
    const size = 4.2 * devicePixelRatio;
    const { left, top, width, height } = plot.bbox;
    clip.rect(left - size, top - 2 * size, width + 2 * size, height + 3 * size);
    for (let i = first; i <= last; i += 1) {
      if (plot.data[series][i] == null) continue;
      const x = plot.valToPos(plot.data[0][i], "x", true);
      const y = plot.valToPos(plot.data[series][i], "y", true);
      const mark = new Path2D();
      outlines[kind](mark, x, y, size);
      path.addPath(mark);
    }
    return { stroke: path, fill: kind in FILLED ? path : null, clip, flags: 0 };
  };

  const hundredLine = (plot) => {
    const { ctx } = plot;
    const { left, width } = plot.bbox;
    const y = Math.round(plot.valToPos(HUNDRED_T, "y", true));
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = COLOURS.hundred;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.restore();
  };

  // ------------------------------------------------------------- chart
  const axis = { stroke: INK, font, grid: { stroke: "#e4e9ec", width: 1 }, ticks: { show: false } };
  const latest = () => Math.max(Date.now() / 1000, points.length > 0 ? points[points.length - 1].at : 0);

  const pointAt = (index) => {
    const one = points[index];
    here.textContent = one
      ? [seconds.format(new Date(one.at * 1000)), one.plate || words.unread, massOf(one), verdictOf(one)].join(" · ")
      : here.dataset.hint;
    room.classList.toggle("leads", Boolean(one && one.record_id));
  };

  const chart = new uPlot({
    width: room.clientWidth,
    height: room.clientHeight,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 15, width: 2, fill: "transparent", stroke: "#17222c" } },
    padding: [8, 10, 0, 0],
    scales: {
      x: { time: true, range: () => [latest() - SPAN_S, latest() + 20] },
      y: { range: (_, __, most) => [0, Math.max(HUNDRED_T + 20, Math.ceil(((most || 0) + 8) / 20) * 20)] },
    },
    axes: [
      { ...axis, size: 26, space: 60, incrs: [600, 900, 1200, 1800], values: (_, splits) => splits.map((at) => minutes.format(new Date(at * 1000))) },
      { ...axis, size: 38, incrs: [20, 50, 100] },
    ],
    series: [
      {},
      ...KINDS.map((kind) => ({ paths: () => null, points: { show: true, width: 1.6, stroke: COLOURS[kind], fill: FILLED[kind], paths: marks(kind) } })),
    ],
    hooks: { drawAxes: [hundredLine], setCursor: [(plot) => pointAt(plot.cursor.idx)] },
  }, [[], ...KINDS.map(() => [])], room);

  const draw = () => {
    drawn = Date.now();
    chart.setData([
      points.map((one) => one.at),
      ...KINDS.map((kind) => points.map((one) => (kindOf(one) === kind ? one.gross_mass_kg / 1000 : null))),
    ]);
  };

  // ------------------------------------------------------------- table
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  const rowOf = (one) => {
    const row = make("tr");
    const when = make("td");
    const time = make("time", seconds.format(new Date(one.at * 1000)));
    time.dateTime = one.passed_at;
    if (one.record_id) {
      const link = make("a");
      link.href = `/records/${one.record_id}`;
      link.setAttribute("aria-label", `${time.textContent} ${words.open.replace("%n", one.record_id)}`);
      link.append(time);
      when.append(link);
    } else when.append(time);
    const plates = make("td");
    plates.append(make("span", one.plate || words.unread, one.plate ? "plate" : "plate unread"));
    if (one.trailer_plate) {
      const trailer = make("span", null, "trailer");
      trailer.append(make("span", words.trailer), " ", make("span", one.trailer_plate, "plate"));
      plates.append(" ", trailer);
    }
    const mass = make("td", null, "n key");
    const shape = document.querySelector(`#masses-key .${kindOf(one)} svg`).cloneNode(true);
    const verdict = make("span", null, `small ${kindOf(one)}`);
    verdict.append(shape, verdictOf(one));
    mass.append(make("b", (one.gross_mass_kg / 1000).toFixed(2)), make("br"), verdict);
    row.append(when, plates, mass);
    return row;
  };

  const fill = () => {
    if (!table.open || rows.contains(document.activeElement)) return;
    rows.replaceChildren(...points.map(rowOf).reverse());
  };

  // ------------------------------------------------------------- live
  const show = (listed) => {
    points = listed.map((one) => ({ ...one, at: Date.parse(one.passed_at) / 1000 })).reverse();
    const over = points.filter((one) => ["over", "hundred"].includes(kindOf(one))).length;
    room.setAttribute("aria-label", words.label.replace("%n", points.length).replace("%o", over));
    document.getElementById("masses-none").hidden = points.length > 0;
    document.getElementById("masses-cut").hidden = points.length < MOST_POINTS;
    draw();
    fill();
  };

  const fetchMasses = async () => {
    due = false;
    asked = Date.now();
    const chosen = station ? station.value : "";
    try {
      const answer = await fetch(`/api/masses${chosen ? `?station=${encodeURIComponent(chosen)}` : ""}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const listed = await answer.json();
      if (!station || station.value === chosen) show(listed);
    } catch {
      due = true;  // the wall says that the connection is broken
    }
  };

  const tick = () => {
    if (due && Date.now() - asked >= AT_MOST_EVERY_MS) fetchMasses();
    else if (Date.now() - drawn >= REDRAW_MS) draw();
  };

  document.addEventListener("luheng:passage", () => { due = true; tick(); });
  table.addEventListener("toggle", fill);
  if (station) station.addEventListener("change", fetchMasses);
  room.addEventListener("click", () => {
    const one = points[chart.cursor.idx];
    if (one && one.record_id) window.location.assign(`/records/${one.record_id}`);
  });
  new ResizeObserver(() => chart.setSize({ width: room.clientWidth, height: room.clientHeight })).observe(room);
  fetchMasses();
  setInterval(tick, 1000);
})();
