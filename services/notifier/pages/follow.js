/* The phones follow by themselves: this page is asked for again, and only what stands in #suite is replaced. The fields
   to answer with stand outside, so that nothing typed is ever lost. Without this file "Actualiser" does the same. */
(function () {
  "use strict";
  var ASK_EVERY_MS = 3000;
  var list = document.getElementById("suite");
  var bar = document.getElementById("suivi");
  var state = document.getElementById("suivi-etat");
  var pause = document.getElementById("suivi-pause");
  var paused = false;
  if (!list || !bar || !window.fetch) { return; }

  function render(works) {
    state.textContent = paused ? "En pause." : works ? "La page se met à jour seule." : "La connexion attend.";
    pause.textContent = paused ? "Reprendre" : "Mettre en pause";
  }
  function mayChange() { return !paused && !document.hidden && !list.contains(document.activeElement); }
  function show(text) {
    var now = new DOMParser().parseFromString(text, "text/html").getElementById("suite");
    if (now && now.innerHTML !== list.innerHTML && mayChange()) { list.replaceChildren.apply(list, now.childNodes); }
    render(Boolean(now));
  }
  function ask() {
    if (!mayChange()) { return; }
    fetch(location.pathname, { cache: "no-store" })
      .then(function (answer) { return answer.ok ? answer.text() : ""; })
      .then(show)
      .catch(function () { render(false); });
  }

  pause.addEventListener("click", function () { paused = !paused; render(true); ask(); });
  document.addEventListener("visibilitychange", ask);
  window.setInterval(ask, ASK_EVERY_MS);
  bar.hidden = false;
  document.getElementById("suivi-lien").hidden = true;
  render(true);
}());
