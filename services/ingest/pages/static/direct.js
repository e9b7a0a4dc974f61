/* A list that follows what happens elsewhere, and never takes anything out of somebody's hands.
   htmx fetches and replaces the list; this file says when it may: not while the list holds the focus or a field that
   was touched, not in pause, not behind another window. Without this file the page works by its own links. */
(function () {
  "use strict";
  var ASK_EVERY_MS = 20000;
  var BEATS_WITHIN_MS = 40000;  // the stream beats every 15 s, and once as it opens
  var BEATS_AT_FIRST_WITHIN_MS = 5000;
  var place = document.getElementById("direct");
  var list = document.getElementById("liste");
  if (!place || !list || !window.htmx) { return; }
  var state = document.getElementById("direct-etat");
  var said = document.getElementById("direct-dit");
  var pause = document.getElementById("direct-pause");
  var show = document.getElementById("direct-voir");
  var paused = false, waiting = false, wanted = false, streaming = null, over = false, asking = null, silence = null, unfolded = [];

  function touched(field) {
    if (field.type === "hidden" || field.type === "submit") { return false; }
    if (field.type === "checkbox" || field.type === "radio") { return field.checked !== field.defaultChecked; }
    if (field.tagName !== "SELECT") { return field.value !== field.defaultValue; }
    var first = Array.prototype.findIndex.call(field.options, function (one) { return one.defaultSelected; });
    return field.selectedIndex !== Math.max(first, 0);
  }
  function isInUse() {
    var active = document.activeElement;
    return (active !== list && list.contains(active)) ||
      Array.prototype.some.call(list.querySelectorAll("input, select, textarea"), touched);
  }
  function mayChange() { return !over && (wanted || !(paused || document.hidden || isInUse())); }

  function render() {
    var words = over ? "Votre session est finie. Rechargez la page."
      : paused ? (waiting ? "En pause. Du nouveau attend." : "En pause.")
      : waiting ? "Du nouveau attend la fin de votre saisie."
      : streaming === null ? "" : streaming ? "Liste en direct." : "Liste relue toutes les 20\u00a0secondes.";
    if (state.textContent !== words) { state.textContent = words; }
    place.dataset.etat = over ? "fini" : paused ? "pause" : waiting ? "attend" : streaming ? "direct" : "demande";
    pause.textContent = paused ? "Reprendre" : "Mettre en pause";
    pause.hidden = over;
    show.hidden = over || !waiting;
  }
  function pathOf(address) { return new URL(address, location.href).pathname; }
  function ask() { window.htmx.trigger(list, "renouveler"); }
  function hold() { waiting = true; render(); }
  function release() { if (waiting && mayChange()) { ask(); } }
  function follow(works) {
    streaming = works;
    if (works && asking) { window.clearInterval(asking); asking = null; }
    if (!works && !asking && !over) { asking = window.setInterval(ask, ASK_EVERY_MS); ask(); }
    render();
  }
  /* An open stream may still say nothing: something on the way collects it. Then the page asks by itself, and says so. */
  function expectBeat(within) {
    window.clearTimeout(silence);
    silence = over ? null : window.setTimeout(function () { follow(false); }, within);
  }
  function beat() {
    expectBeat(BEATS_WITHIN_MS);
    if (!streaming) { follow(true); }
  }
  function finish() {
    over = true;
    window.clearTimeout(silence);
    follow(true);
    render();
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.detail.elt === list && !mayChange()) { event.preventDefault(); hold(); }
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target !== list) { return; }
    if (pathOf(event.detail.xhr.responseURL) !== pathOf(list.getAttribute("data-hx-get"))) {
      event.detail.shouldSwap = false;  // the door sent us elsewhere: to sign in again
      finish();
      return;
    }
    if (!mayChange()) { event.detail.shouldSwap = false; hold(); return; }
    unfolded = Array.prototype.map.call(list.querySelectorAll("details[open][id]"), function (one) { return one.id; });
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.detail.target !== list) { return; }
    unfolded.forEach(function (id) { var one = document.getElementById(id); if (one) { one.open = true; } });
    if (wanted) { list.focus(); }
    waiting = wanted = false;
    var now = list.querySelector("[data-dit]");
    if (now && said.textContent !== now.dataset.dit) { said.textContent = now.dataset.dit; }
    render();
  });
  document.addEventListener("htmx:sseOpen", function (event) {
    event.detail.source.addEventListener("battement", beat);
    expectBeat(BEATS_AT_FIRST_WITHIN_MS);
  });
  document.addEventListener("htmx:sseError", function () { window.clearTimeout(silence); follow(false); });
  document.addEventListener("htmx:sseMessage", function (event) {
    beat();
    place.setAttribute("data-sse-connect", "/direct?depuis=" + event.detail.lastEventId);
  });
  document.addEventListener("htmx:sseClose", function (event) { if (event.detail.type === "message") { finish(); } });
  document.addEventListener("visibilitychange", release);
  list.addEventListener("focusout", function () { window.setTimeout(release, 0); });
  list.addEventListener("change", function () { window.setTimeout(release, 0); });
  pause.addEventListener("click", function () { paused = !paused; render(); release(); });
  show.addEventListener("click", function () { wanted = true; ask(); });

  document.getElementById("direct-lien").hidden = true;
  document.getElementById("direct-barre").hidden = false;
  render();
}());
