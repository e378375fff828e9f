// Stations on a map without tiles: a graticule, a scale, and each station with the mark
// and the words that the list beside the map has for it. A click leads to its panel.
"use strict";

(() => {
  const room = document.getElementById("map");
  const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
  const LINE_EVERY_PX = 130;
  const CORNER_PX = 60;
  const given = () => document.getElementById("places");
  const places = () => JSON.parse(given().dataset.places);

  const map = L.map(room, {
    attributionControl: false,
    zoomControl: false,
    scrollWheelZoom: false,  // the page scrolls; buttons and keys zoom
    dragging: !window.matchMedia("(pointer: coarse)").matches,
    zoomAnimation: false,
    fadeAnimation: false,
    minZoom: 3,
    maxZoom: 17,
    zoomSnap: 0.5,
  });
  L.control.zoom({ position: "topright", zoomInTitle: room.dataset.zoomIn, zoomOutTitle: room.dataset.zoomOut }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  const graticule = L.layerGroup().addTo(map);
  const stations = L.layerGroup().addTo(map);

  // ------------------------------------------------------------- graticule
  const label = (at, text, className) => {
    const icon = L.divIcon({ className: `degree ${className}`, html: text, iconSize: null });
    L.marker(at, { icon, interactive: false, keyboard: false }).addTo(graticule);
  };

  const rule = () => {
    graticule.clearLayers();
    const bounds = map.getBounds();
    const size = map.getSize();
    const wanted = ((bounds.getEast() - bounds.getWest()) * LINE_EVERY_PX) / size.x;
    const step = STEPS.findLast((one) => one >= wanted) || STEPS[0];
    const decimals = (String(step).split(".")[1] || "").length;
    const written = (degrees, plus, minus) => `${Math.abs(degrees).toFixed(decimals)}\u00b0 ${degrees < 0 ? minus : plus}`;
    const line = (...ends) => L.polyline(ends, { className: "graticule", interactive: false }).addTo(graticule);
    const along = (from, to) => {
      const count = Math.floor(to / step) - Math.ceil(from / step) + 1;
      return Array.from({ length: Math.max(0, count) }, (_, i) => (Math.ceil(from / step) + i) * step);
    };
    for (const east of along(bounds.getWest(), bounds.getEast())) {
      line([bounds.getSouth(), east], [bounds.getNorth(), east]);
      const x = map.latLngToContainerPoint([bounds.getNorth(), east]).x;
      if (x > CORNER_PX && x < size.x - CORNER_PX) label([bounds.getNorth(), east], written(east, "E", "W"), "east");
    }
    for (const north of along(bounds.getSouth(), bounds.getNorth())) {
      line([north, bounds.getWest()], [north, bounds.getEast()]);
      const y = map.latLngToContainerPoint([north, bounds.getWest()]).y;
      if (y > 24 && y < size.y - CORNER_PX) label([north, bounds.getWest()], written(north, "N", "S"), "north");
    }
  };

  // ------------------------------------------------------------- stations
  const go = (id) => {
    if (window.location.hash === `#station-${id}`) document.getElementById(`station-${id}`).scrollIntoView();
    else window.location.hash = `station-${id}`;
  };

  const marker = (feature, at) => {
    const { station_id: id } = feature.properties;
    const item = given().querySelector(`[data-place="${id}"]`);
    const content = document.createElement("div");
    const name = document.createElement("span");
    name.className = "name";
    name.append(item.querySelector("a").textContent, " ", item.querySelector("b").cloneNode(true));
    content.append(item.querySelector("svg").cloneNode(true), name);
    const placed = L.marker(at, { icon: L.divIcon({ className: "station", html: content, iconSize: null }), riseOnHover: true });
    placed.on("click", () => go(id));
    placed.on("keydown", ({ originalEvent: event }) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      go(id);
    });
    return placed;
  };

  // a name that would leave the map stands on the other side of its mark; where two would
  // lie on each other, the later one is left to the list
  const thin = () => {
    const taken = [];
    const edge = room.getBoundingClientRect().right;
    for (const name of room.querySelectorAll(".station .name")) {
      name.hidden = false;
      name.parentElement.classList.remove("left");
      name.parentElement.classList.toggle("left", name.getBoundingClientRect().right > edge);
      const box = name.getBoundingClientRect();
      name.hidden = taken.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom);
      if (!name.hidden) taken.push(box);
    }
  };

  const show = () => {
    if (document.activeElement.closest("#map .station")) return;  // not under somebody's fingers
    stations.clearLayers();
    stations.addLayer(L.geoJSON(places(), { pointToLayer: marker }));
    thin();
  };

  const fit = () => {
    map.fitBounds(L.geoJSON(places()).getBounds().pad(0.25), { maxZoom: 13, animate: false });
  };

  fit();
  show();
  rule();
  map.on("moveend resize", () => { rule(); thin(); });
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt.id === "places") show(); });
})();
