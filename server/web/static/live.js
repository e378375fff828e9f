// Keeps a list fresh: an element with data-refresh="kinds…" is fetched anew through htmx
// when such an event arrives, and at least every 20 s, but never under somebody's hands.
"use strict";

(() => {
  const EVERY_MS = 20000;
  const AT_MOST_EVERY_MS = 1500;
  const due = new Set();
  let last = 0;

  const busy = (element) =>
    element.querySelector("details[open]") !== null
    || element.contains(document.activeElement);

  const refresh = () => {
    if (Date.now() - last < AT_MOST_EVERY_MS) return;
    for (const id of [...due]) {
      const element = document.getElementById(id);
      if (!element || busy(element)) continue;
      due.delete(id);
      last = Date.now();
      htmx.trigger(element, "luheng:refresh");
    }
  };

  const want = (kind) => {
    for (const element of document.querySelectorAll("[data-refresh]")) {
      if (kind === null || element.dataset.refresh.split(" ").includes(kind)) due.add(element.id);
    }
    refresh();
  };

  // what was asked for before the hands came must not be laid under them either
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const element = event.detail.target;
    if (!element.matches("[data-refresh]") || !busy(element)) return;
    event.detail.shouldSwap = false;
    due.add(element.id);
  });

  const source = new EventSource("/events");
  source.onopen = () => want(null);
  source.onmessage = (message) => want(JSON.parse(message.data).kind);
  window.addEventListener("pagehide", () => source.close());
  setInterval(refresh, 1000);
  setInterval(() => want(null), EVERY_MS);
})();
