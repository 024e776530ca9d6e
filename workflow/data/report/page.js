// Puts the page together, and again when another document, axis, filter or theme is chosen.
"use strict";

Dyad.page = (() => {
  const { el, byId, fill } = Dyad.dom;
  const { figures, plot, words, tables, training } = Dyad;
  const entries = JSON.parse(byId("data").textContent);
  const state = { index: 0, x: "latency", y: "top1", range: "all", hidden: new Set() };
  const wide = matchMedia("(min-width: 1000px)");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => entries[state.index].document;

  function result(doc) {
    fill("kicker", figures.isSearch(doc) ? "Search for bits" : "Simulation");
    fill("result-title", `${doc.model} on ${doc.accelerator.name}`);
    fill("verdict", words.verdict(doc));
    fill("badges", words.badges(doc));
    fill("tiles", words.tiles(doc));
  }

  function trade(doc) {
    const shown = figures.isSearch(doc) && doc.pareto.length > 0;
    byId("tradeoff").hidden = !shown;
    if (!shown) return;
    fill("origins", el("legend", {}, "Show"), [...Object.entries(figures.ORIGINS), ["front", { name: "Not beaten", color: "ink", line: true }]]
      .filter(([role]) => role === "front" || doc.pareto.some((p) => p.origin === role))
      .map(([role, look]) => el("label", { class: "check" },
        el("input", { type: "checkbox", "data-role": role, checked: !state.hidden.has(role), onchange: (event) => { event.target.checked ? state.hidden.delete(role) : state.hidden.add(role); drawPareto(doc); } }),
        plot.swatch(look), look.name)));
    tables.points(doc);
    drawPareto(doc);
  }

  function drawPareto(doc) {
    byId("range").disabled = state.y !== "top1";
    const figure = figures.pareto(doc, state);
    plot.mount("pareto", figure, { legend: false, note: figure.remarks.join(" ") });
  }

  function course(doc) {
    const searches = figures.comparable(entries, doc);
    byId("course-section").hidden = searches.length === 0 || searches.every((e) => e.document.history.length < 2);
    if (byId("course-section").hidden) return;
    fill("course-lead", "The best network so far of every search under these limits, scored on the same calibration images. ",
      "A network counts when it was quantized and run; a method with an integer program runs its probes first and then one network.");
    plot.mount("course", figures.course(entries, doc));
  }

  function layers(doc) {
    const batch = figures.batchWords(figures.batchOf(doc));
    fill("per-layer-lead", `${Dyad.format.plural(doc.layers.length, "layer")} in order of execution, first at the top; latency and energy are those of ${batch}.`);
    const side = wide.matches;
    const nameWidth = side ? 230 : Math.max(90, Math.min(220, window.innerWidth * 0.36));
    plot.mount("bits", figures.bits(doc), { nameWidth });
    plot.mount("latency", figures.latency(doc), { names: !side, nameWidth });
    const energy = figures.energy(doc);
    byId("energy").hidden = energy.series.length === 0;
    if (energy.series.length > 0) plot.mount("energy", energy, { names: !side, nameWidth });
  }

  function roofline(doc) {
    const known = doc.accelerator.peak_binary_ops_per_s > 0 && doc.accelerator.dram_bytes_per_s > 0;
    byId("roofline-section").hidden = !known;
    if (!known) return;
    const figure = figures.roofline(doc);
    const left = figure.omitted;
    fill("roofline-lead", "How fast each layer runs, against what the array and the DRAM allow. A multiplication of w by a bits counts 2·w·a binary operations. ",
      "A layer under the slope waits for memory at best; under the flat part only the array holds it back.");
    const note = left > 0 ? `${Dyad.format.plural(left, "layer")} without multiplications or without DRAM traffic ${left === 1 ? "is" : "are"} not drawn.` : null;
    plot.mount("roofline", figure, { note });
  }

  function facts(doc) {
    fill("facts", (training.isTraining(doc) ? training : words).facts(doc).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))), el("div", {}, el("dt", {}, "Document"),
      el("dd", {}, entries[state.index].name, " ", el("button", { type: "button", class: "small", "data-save": "document.json",
        onclick: () => Dyad.dom.save("result.json", "application/json", JSON.stringify(doc, null, 2) + "\n") }, "Save JSON"))));
  }

  const COST_SECTIONS = ["tradeoff", "per-layer", "roofline-section", "table-section"];

  function curves(doc) {
    plot.mount("training-top1", training.top1(doc));
    plot.mount("training-loss", training.loss(doc));
  }

  /// A training run has curves and no costs.
  function trainingRun(doc) {
    fill("kicker", "Training");
    fill("result-title", doc.model);
    fill("verdict", training.verdict(doc));
    fill("badges");
    fill("tiles", training.tiles(doc));
    curves(doc);
    facts(doc);
  }

  function navigation() {
    fill("nav", [["result", "Result"], ["comparison", "Compare"], ["training", "Training"], ["tradeoff", "Trade-off"], ["course-section", "Search"], ["per-layer", "Layers"], ["roofline-section", "Roofline"], ["table-section", "Table"], ["provenance", "Provenance"]]
      .filter(([id]) => !byId(id).hidden).map(([id, name]) => el("a", { href: `#${id}` }, name)));
  }

  function render() {
    const doc = current();
    byId("training").hidden = !training.isTraining(doc);
    for (const id of COST_SECTIONS) byId(id).hidden = training.isTraining(doc);
    if (training.isTraining(doc)) {
      trainingRun(doc);
      navigation();
      return;
    }
    result(doc);
    trade(doc);
    course(doc);
    layers(doc);
    roofline(doc);
    tables.layers(doc);
    tables.bottlenecks(doc);
    facts(doc);
    navigation();
  }

  function redraw() {
    const doc = current();
    if (training.isTraining(doc)) {
      curves(doc);
      return;
    }
    trade(doc);
    course(doc);
    layers(doc);
    roofline(doc);
  }

  function show(index) {
    state.index = index;
    state.range = figures.isSearch(current()) ? String(figures.usualRange(current())) : "all";
    byId("range").value = state.range;
    byId("document").value = String(index);
    render();
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
  }

  function controls() {
    const choose = (id, key, options) => {
      fill(id, options.map(([value, name]) => el("option", { value }, name)));
      byId(id).value = state[key];
      byId(id).addEventListener("change", (event) => {
        state[key] = event.target.value;
        drawPareto(current());
      });
    };
    choose("x-axis", "x", Object.entries(figures.COSTS).map(([key, cost]) => [key, cost.name]));
    choose("y-axis", "y", Object.entries(figures.QUALITIES).map(([key, quality]) => [key, quality.name]));
    choose("range", "range", [...figures.RANGES.map((range) => [String(range), `${Dyad.format.plural(range, "point")} below float`]), ["all", "every point"]]);
    byId("theme").addEventListener("click", () => {
      setTheme(plot.theme() === "dark" ? "light" : "dark");
      redraw();
    });
    if (entries.length > 1) {
      const costed = entries.filter((entry) => !training.isTraining(entry.document));
      byId("comparison").hidden = costed.length < 2;
      byId("chooser").hidden = false;
      fill("document", entries.map((entry, i) => el("option", { value: String(i) }, entry.name)));
      byId("document").addEventListener("change", (event) => show(Number(event.target.value)));
      tables.comparison(costed);
    }
  }

  /// Paper is white: charts are drawn light while the page is printed.
  function printing() {
    let before = null;
    window.addEventListener("beforeprint", () => {
      before = plot.theme();
      if (before === "dark") { setTheme("light"); redraw(); }
    });
    window.addEventListener("afterprint", () => { if (before === "dark") { setTheme("dark"); redraw(); } });
  }

  setTheme(systemDark.matches ? "dark" : "light");
  systemDark.addEventListener("change", (event) => { setTheme(event.matches ? "dark" : "light"); redraw(); });
  wide.addEventListener("change", redraw);
  controls();
  printing();
  show(0);
  return { state, entries, show };
})();
