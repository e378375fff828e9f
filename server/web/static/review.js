// One record by keyboard: J K next and previous, A pass, R reject, digits choose the
// reason, ? shows the keys. Nothing is sent while somebody types or holds a modifier.
"use strict";

(() => {
  const record = document.getElementById("record");
  const help = document.getElementById("help");
  const form = document.getElementById("decision");
  const typing = (target) => target.closest("input[type=text], textarea, select") !== null;
  let sent = false;

  const chosen = () => form.querySelector("input[name=reason]:checked");
  const go = (address) => { if (address) window.location.assign(address); };

  const reject = () => {
    const button = document.getElementById("reject");
    if (chosen()) { button.click(); return; }
    document.getElementById("reason-needed").textContent = button.dataset.needsReason;
    form.querySelector("input[name=reason]").focus();
  };

  if (form) {
    form.addEventListener("submit", (event) => {
      const refusing = event.submitter && event.submitter.id === "reject";
      if (sent || (refusing && !chosen())) {
        event.preventDefault();
        if (!sent) reject();
        return;
      }
      sent = true;
    });
    window.addEventListener("pageshow", () => { sent = false; });
  }

  document.getElementById("help-open").addEventListener("click", () => help.showModal());

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Escape" && event.target.closest("textarea")) { event.target.blur(); return; }
    if (typing(event.target)) return;
    if (event.key === "?") {
      if (help.open) help.close(); else help.showModal();
      event.preventDefault();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "j") go(record.dataset.next);
    else if (key === "k") go(record.dataset.previous);
    else if (!form) return;
    else if (key === "a") document.getElementById("pass").click();
    else if (key === "r") { event.preventDefault(); reject(); }
    else {
      const reason = [...form.querySelectorAll("input[name=reason]")].find((input) => input.dataset.key === key);
      if (!reason) return;
      event.preventDefault();
      reason.checked = true;
      reason.focus();
      document.getElementById("reason-needed").textContent = "";
    }
  });
})();
