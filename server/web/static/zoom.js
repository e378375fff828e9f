// Photos open in a dialog; a click there enlarges at the pointed place, another restores.
"use strict";

(() => {
  const loupe = document.getElementById("loupe");
  const room = loupe.querySelector(".inside");
  const title = document.getElementById("loupe-title");

  const open = (link) => {
    const image = new Image();
    image.src = link.href;
    image.alt = link.dataset.zoom;
    image.addEventListener("click", (event) => {
      const box = image.getBoundingClientRect();
      const across = (event.clientX - box.left) / box.width;
      const down = (event.clientY - box.top) / box.height;
      image.classList.toggle("large");
      room.scrollLeft = across * room.scrollWidth - room.clientWidth / 2;
      room.scrollTop = down * room.scrollHeight - room.clientHeight / 2;
    });
    title.textContent = link.dataset.zoom;
    room.replaceChildren(image);
    loupe.showModal();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-zoom]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input[type=text], textarea, select")) return;
    if (loupe.open) { loupe.close(); return; }
    const first = document.querySelector("a[data-zoom]");
    if (first) open(first);
  });
})();
