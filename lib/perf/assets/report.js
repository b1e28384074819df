(function () {
  "use strict";
  var d = document, all = function (q, e) { return [].slice.call((e || d).querySelectorAll(q)); };
  // Tables sort by a click on a head: by data-v where a cell has one, as numbers where all are.
  function keyOf(row, i) {
    var c = row.cells[i], v = c.getAttribute("data-v");
    return v === null ? c.firstChild ? c.firstChild.textContent : "" : v;
  }
  all("table").forEach(function (t) {
    var body = t.tBodies[0];
    if (!body || body.rows.length < 2) return;
    all("th", t).forEach(function (th, i) {
      var b = d.createElement("button"), label = th.textContent;
      b.type = "button"; b.textContent = label; b.title = d.body.getAttribute("data-sort");
      th.textContent = ""; th.appendChild(b);
      b.addEventListener("click", function () {
        var up = th.getAttribute("aria-sort") === "descending" ||
          (th.getAttribute("aria-sort") === null && !th.classList.contains("n"));
        var rows = [].slice.call(body.rows).map(function (r, at) { return { r: r, k: keyOf(r, i), at: at }; });
        var numeric = rows.every(function (x) { return x.k === "" || !isNaN(x.k) || x.r.cells[i].classList.contains("muted"); });
        rows.sort(function (x, y) {
          var o;
          if (numeric) {
            var a = parseFloat(x.k), b = parseFloat(y.k);
            if (isNaN(a) || isNaN(b)) return (isNaN(a) ? 1 : 0) - (isNaN(b) ? 1 : 0) || x.at - y.at;
            o = a - b;
          } else o = x.k.localeCompare(y.k);
          return (up ? o : -o) || x.at - y.at;
        });
        all("th", t).forEach(function (h) { h.removeAttribute("aria-sort"); });
        th.setAttribute("aria-sort", up ? "ascending" : "descending");
        rows.forEach(function (x) { body.appendChild(x.r); });
      });
    });
  });
  // What a mark says is shown at once, beside the pointer or at a tap.
  var tip = d.createElement("div");
  tip.id = "tip"; d.body.appendChild(tip);
  all("svg [class] > title").forEach(function (t) {
    var e = t.parentNode, text = t.textContent;
    if (e.tagName === "svg") return;
    e.removeChild(t); e.setAttribute("aria-label", text);
    e.addEventListener("pointermove", function (ev) {
      tip.textContent = text; tip.style.display = "block";
      var w = tip.offsetWidth, h = tip.offsetHeight, x = ev.clientX + 14, y = ev.clientY + 16;
      if (x + w > innerWidth - 8) x = Math.max(8, ev.clientX - w - 14);
      if (y + h > innerHeight - 8) y = ev.clientY - h - 12;
      tip.style.left = x + "px"; tip.style.top = y + "px";
    });
    e.addEventListener("pointerleave", function () { tip.style.display = "none"; });
  });
  // Long SQL folds; all folds open for printing and when a link leads into them.
  var fold = d.getElementById("fold"), open = false;
  function each(f) { all("details").forEach(f); }
  if (fold) {
    fold.hidden = false;
    fold.addEventListener("click", function () {
      open = !open; fold.textContent = fold.getAttribute(open ? "data-close" : "data-open");
      each(function (e) { e.open = open; });
    });
  }
  all("pre").forEach(function (p) {
    if (p.scrollHeight <= p.clientHeight + 40) return;
    p.tabIndex = 0;
  });
  function reveal() {
    var e = location.hash && d.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var p = e; p; p = p.parentNode) if (p.tagName === "DETAILS") p.open = true;
    if (e) e.scrollIntoView();
  }
  addEventListener("hashchange", reveal); reveal();
  addEventListener("beforeprint", function () { each(function (e) { if (!e.open) { e.open = true; e.setAttribute("data-was", ""); } }); });
  addEventListener("afterprint", function () { each(function (e) { if (e.hasAttribute("data-was")) { e.open = false; e.removeAttribute("data-was"); } }); });
})();
