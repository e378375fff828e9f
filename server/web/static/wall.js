// The live wall. New cards come after the last known arrival number, so that a broken
// connection loses none; they wait while the pointer or the focus is in the lists.
"use strict";

(() => {
  const MOST_CARDS = 60;
  const SILENT_S = 60;
  const LOST_MS = 35000;
  const AWAIT_PHOTO_MS = 3000;
  const REPLACED = ["dl.counts", "#hours-rows", "#latest"];
  const wall = document.getElementById("wall");
  const lists = document.getElementById("lists");
  const pinned = document.getElementById("pinned");
  const flow = document.getElementById("flow");
  const held = document.getElementById("held");
  const live = document.getElementById("live");
  const silent = document.getElementById("silent");
  const offline = document.getElementById("offline");
  let newest = Number(wall.dataset.newest);
  let waiting = [];
  let fetching = false;
  let again = false;
  let lastData = Date.now() - Number(wall.dataset.silentFor) * 1000;
  let lastHeard = Date.now();
  let todayDue = false;
  let source = null;

  const occupied = () =>
    lists.matches(":hover") || lists.contains(document.activeElement) || window.scrollY > 240;

  const place = (cards, fresh) => {
    for (const card of cards) {
      if (document.getElementById(card.id)) continue;
      const list = "hundred" in card.dataset ? pinned : flow;
      const later = [...list.children].find((other) => Number(other.dataset.arrival) < Number(card.dataset.arrival));
      list.insertBefore(card, later || null);
      if (fresh) card.classList.add("fresh");
    }
    while (flow.children.length > MOST_CARDS) flow.lastElementChild.remove();
    document.getElementById("pinned-none").hidden = pinned.children.length > 0;
    document.getElementById("flow-none").hidden = flow.children.length > 0;
  };

  const showHeld = () => {
    held.hidden = waiting.length === 0;
    held.textContent = held.dataset.text.replace("%n", waiting.length);
  };

  const release = () => {
    const cards = waiting;
    waiting = [];
    place(cards, true);
    showHeld();
  };

  const cardsOf = (text) => {
    const holder = document.createElement("template");
    holder.innerHTML = text;  // our own server's escaped markup
    return [...holder.content.querySelectorAll("article.card")];
  };

  const get = async (address) => {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (answer.status === 401) window.location.assign("/login");
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  };

  const fetchNew = async () => {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      do {
        again = false;
        const cards = cardsOf(await get(`/fragments/cards?after=${newest}`));
        if (cards.length > 0) {
          newest = Math.max(newest, ...cards.map((card) => Number(card.dataset.arrival)));
          again = true;
          if (occupied()) { waiting.push(...cards); showHeld(); } else place(cards, true);
        }
      } while (again);
    } catch (error) {
      if (!(error instanceof TypeError) && Number(error.message) < 500) throw error;
    } finally {
      fetching = false;
    }
  };

  const fetchPhotos = async () => {
    const bare = [...document.querySelectorAll("article[data-photo-awaited]")].slice(0, 20);
    if (bare.length === 0) return;
    const ids = bare.map((card) => card.dataset.passage).join(",");
    let text;
    try { text = await get(`/fragments/cards?only=${ids}`); } catch { return; }
    for (const card of cardsOf(text)) {
      const old = document.getElementById(card.id);
      if (!old || "photoAwaited" in card.dataset) continue;
      old.querySelector(".thumb").replaceWith(card.querySelector(".thumb"));
      delete old.dataset.photoAwaited;
    }
  };

  // ------------------------------------------------------------- today
  const words = document.getElementById("chart-words").dataset;
  const chart = echarts.init(document.getElementById("hours-chart"), null, { renderer: "canvas" });

  const draw = () => {
    const hours = JSON.parse(document.getElementById("today").dataset.hours);
    chart.setOption({
      animation: false,
      aria: { enabled: true, decal: { show: true }, label: { description: words.title } },
      color: ["#7fa9c4", "#9b1c1c"],
      textStyle: { fontFamily: getComputedStyle(document.documentElement).fontFamily },
      grid: { left: 34, right: 8, top: 30, bottom: 24 },
      legend: { top: 0, left: 0, itemHeight: 11, itemWidth: 18, textStyle: { color: "#17222c" } },
      tooltip: { trigger: "axis", renderMode: "richText" },
      xAxis: { type: "category", data: hours.map((hour) => hour.label), axisLabel: { color: "#46545f" }, axisTick: { show: false } },
      yAxis: { type: "value", minInterval: 1, axisLabel: { color: "#46545f" }, splitLine: { lineStyle: { color: "#e4e9ec" } } },
      series: [
        { name: words.lawful, type: "bar", stack: "all", data: hours.map((hour) => hour.passages - hour.overloaded) },
        { name: words.over, type: "bar", stack: "all", data: hours.map((hour) => hour.overloaded) },
      ],
    });
  };

  const fetchToday = async () => {
    if (!todayDue) return;
    const today = document.getElementById("today");
    if (REPLACED.some((part) => today.querySelector(part).contains(document.activeElement))) return;
    todayDue = false;
    let text;
    try { text = await get("/fragments/today"); } catch { todayDue = true; return; }
    const holder = document.createElement("template");
    holder.innerHTML = text;
    const fresh = holder.content.getElementById("today");
    today.dataset.hours = fresh.dataset.hours;
    for (const part of REPLACED) {
      today.querySelector(part).replaceWith(fresh.querySelector(part));
    }
    draw();
  };

  // ------------------------------------------------------------- stream
  const heard = () => { lastHeard = Date.now(); };
  const tellPassage = () => document.dispatchEvent(new Event("luheng:passage"));

  const connect = () => {
    if (source) source.close();
    lastHeard = Date.now();
    source = new EventSource("/events");
    source.onopen = () => {
      heard();
      live.classList.add("on");
      live.textContent = live.dataset.on;
      offline.hidden = true;
      todayDue = true;
      fetchNew();
      tellPassage();
    };
    source.onerror = () => {
      live.classList.remove("on");
      live.textContent = live.dataset.off;
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    };
    source.addEventListener("beat", heard);
    source.onmessage = (message) => {
      heard();
      const event = JSON.parse(message.data);
      if (["passage", "alert", "station"].includes(event.kind)) lastData = Date.now();
      if (event.kind === "passage" || event.kind === "resync") tellPassage();
      if (event.kind === "alert" || event.kind === "resync" || event.overloaded) fetchNew();
      if (event.kind !== "station" && event.kind !== "quarantine") todayDue = true;
    };
  };

  const tick = () => {
    const now = Date.now();
    const quiet = Math.floor((now - lastData) / 1000);
    silent.hidden = quiet < SILENT_S;
    if (!silent.hidden) silent.querySelector("span").textContent = silent.dataset.text.replace("%n", quiet);
    offline.hidden = live.classList.contains("on") || now - lastHeard < 5000;
    if (now - lastHeard > LOST_MS) connect();
    if (waiting.length > 0 && !occupied()) release();
  };

  held.addEventListener("click", () => { window.scrollTo(0, 0); held.blur(); release(); });
  window.addEventListener("resize", () => chart.resize());
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  draw();
  connect();
  setInterval(tick, 1000);
  setInterval(fetchToday, 2000);
  setInterval(fetchPhotos, AWAIT_PHOTO_MS);
})();
