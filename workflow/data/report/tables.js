// Tables that sort by any column: layers, points of the trade-off, documents side by side.
"use strict";

Dyad.tables = (() => {
  const { el } = Dyad.dom;
  const { unitFor, significant, quantity, percent, accuracy, grouped, csv } = Dyad.format;
  const { batchOf, isSearch } = Dyad.figures;

  /// A column: {name, title?, value(row), show?(value, row), numeric?, bar?(row) 0..1, head? (row header)}.
  function sortable(id, caption, columns, rows, file) {
    let by = null;
    let down = false;
    const body = el("tbody");
    const heads = columns.map((column, i) => {
      const button = el("button", { type: "button", class: "sort", title: column.title ?? null, onclick: () => sort(i) }, column.name, el("span", { class: "arrow", "aria-hidden": "true" }));
      return el("th", { scope: "col", class: column.numeric ? "number" : null, "aria-sort": "none" }, button);
    });
    function sort(i) {
      down = by === i ? !down : Boolean(columns[i].numeric && !columns[i].upFirst);
      by = i;
      heads.forEach((head, k) => head.setAttribute("aria-sort", k === i ? (down ? "descending" : "ascending") : "none"));
      draw();
    }
    function ordered() {
      if (by === null) return rows;
      const value = columns[by].value;
      const absent = (v) => v === null || v === undefined;
      return rows.map((row, i) => ({ row, i, v: value(row) })).sort((p, q) => {
        if (absent(p.v) || absent(q.v)) return absent(p.v) - absent(q.v) || p.i - q.i;
        const order = p.v < q.v ? -1 : p.v > q.v ? 1 : 0;
        return (down ? -order : order) || p.i - q.i;
      }).map((one) => one.row);
    }
    function cell(column, row) {
      const value = column.value(row);
      const text = value === null || value === undefined ? "–" : column.show ? column.show(value, row) : String(value);
      const node = el(column.head ? "th" : "td", { scope: column.head ? "row" : null, class: [column.numeric ? "number" : "", column.head ? "name" : ""].join(" ").trim() || null, title: column.head ? String(value) : null }, text);
      if (column.bar && value !== null && value !== undefined) {
        node.classList.add("barred");
        node.style.setProperty("--part", `${Math.max(0, Math.min(1, column.bar(row))) * 100}%`);
      }
      return node;
    }
    function draw() {
      body.replaceChildren(...ordered().map((row) => el("tr", {}, columns.map((column) => cell(column, row)))));
    }
    draw();
    const save = el("button", { type: "button", class: "small", "data-save": `${id}.csv`, "aria-label": `Save ${caption} as CSV table`,
      onclick: () => Dyad.dom.save(file, "text/csv", csv(columns.map((c) => c.name), ordered().map((row) => columns.map((c) => c.value(row))))) }, "CSV");
    Dyad.dom.fill(id, el("div", { class: "table-head" }, save),
      el("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption }, el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body)));
  }

  const saveName = (doc, what) => `${doc.model} on ${doc.accelerator.name}-${what}.csv`.replace(/[^A-Za-z0-9.-]+/g, "-");

  /// What fewer bits of one operand save in the layer alone.
  function priceColumns(doc) {
    if (!doc.layers.some((l) => l.shadow_price)) return [];
    const operand = (key, name, long) => [
      { name: `1 ${name} less`, title: `Cycles of the layer that one bit less of the ${long} saves`, numeric: true, show: (v) => percent(v),
        value: (l) => (Number.isFinite(l.shadow_price?.[key].cycles) && l.cycles > 0 ? l.shadow_price[key].cycles / l.cycles : null) },
      { name: `Next ${name}`, title: `The most bits of the ${long} below these that save 1 % or more`, numeric: true, value: (l) => l.shadow_price?.[key].next_bits ?? null },
    ];
    return [...operand("w", "W", "weights"), ...operand("a", "A", "activations")];
  }

  /// Cycles that each resource would take if no other one made it wait, as a share of the layer's.
  function resourceColumns(doc) {
    const first = ["compute", "weight fetch", "activation fetch", "output", "memory bus"];
    const rank = (name) => (name === "fill" ? first.length + 1 : first.includes(name) ? first.indexOf(name) : first.length);
    const names = [...new Set(doc.layers.flatMap((l) => Object.keys(l.resource_cycles ?? {})))].sort((a, b) => rank(a) - rank(b));
    return names.map((name) => ({
      name: name === "fill" ? "Fill" : `${name.charAt(0).toUpperCase()}${name.slice(1)} alone`,
      title: name === "fill" ? "Of the layer's cycles, those in which even its longest resource waits" : "Cycles if no other resource made it wait, of the layer's",
      value: (l) => (Number.isFinite(l.resource_cycles?.[name]) && l.cycles > 0 ? l.resource_cycles[name] / l.cycles : null), show: (v) => percent(v), numeric: true,
    }));
  }

  function layers(doc) {
    const total = doc.layers.reduce((sum, layer) => sum + layer.latency_us, 0);
    const time = unitFor("time", Math.max(...doc.layers.map((layer) => layer.latency_us)));
    const energy = unitFor("energy", Math.max(...doc.layers.map((layer) => layer.energy_pj)));
    const share = (layer) => (total > 0 ? layer.latency_us / total : 0);
    const waits = (layer) => (layer.cycles > 0 ? layer.stall_cycles / layer.cycles : 0);
    const order = new Map(doc.layers.map((layer, i) => [layer, i + 1]));
    const columns = [
      { name: "#", title: "Order of execution", value: (l) => order.get(l), numeric: true, upFirst: true },
      { name: "Layer", value: (l) => l.name, head: true },
      { name: "Kind", value: (l) => l.kind },
      { name: "W", title: "Bits of a weight", value: (l) => l.w ?? null, numeric: true },
      { name: "A", title: "Bits of an activation", value: (l) => l.a ?? null, numeric: true },
      { name: "MACs", title: "Multiplications of an image", value: (l) => l.macs, show: (v) => quantity("count", v), numeric: true },
      { name: `Latency, ${time.unit}`, value: (l) => l.latency_us / time.factor, show: (v) => significant(v), numeric: true },
      { name: "Share", title: "Of the sum of the layers' latencies", value: share, show: (v) => percent(v), numeric: true, bar: (l) => share(l) / Math.max(...doc.layers.map(share), 1e-12) },
      { name: `Energy, ${energy.unit}`, value: (l) => l.energy_pj / energy.factor, show: (v) => significant(v), numeric: true },
      { name: "Utilized", title: "Operations done, of the peak", value: (l) => l.utilization, show: (v) => percent(v), numeric: true, bar: (l) => l.utilization },
      { name: "Waits", title: "Cycles in which the array waits for data or room", value: waits, show: (v) => percent(v), numeric: true },
      { name: "Bound by", value: (l) => l.bottleneck || null },
    ];
    if (doc.layers.some((l) => Number.isFinite(l.loss))) columns.push({ name: "Loss", title: "What this layer adds to the objective", value: (l) => l.loss ?? null, show: (v) => significant(v), numeric: true });
    sortable("layer-table", "Layers: bits, cost, utilization and what bounds them", columns, doc.layers, saveName(doc, "layers"));
  }

  function bottlenecks(doc) {
    const columns = [...priceColumns(doc), ...resourceColumns(doc)];
    document.getElementById("bottlenecks").hidden = columns.length === 0;
    if (columns.length === 0) return;
    const order = new Map(doc.layers.map((layer, i) => [layer, i + 1]));
    sortable("bottleneck-table", "Layers: what a bit less saves, and what each resource would take alone", [
      { name: "#", title: "Order of execution", value: (l) => order.get(l), numeric: true, upFirst: true },
      { name: "Layer", value: (l) => l.name, head: true },
      { name: "W", title: "Bits of a weight", value: (l) => l.w ?? null, numeric: true },
      { name: "A", title: "Bits of an activation", value: (l) => l.a ?? null, numeric: true },
      ...columns,
    ], doc.layers, saveName(doc, "bottlenecks"));
  }

  function points(doc) {
    const origin = { search: "search", sweep: "sweep", uniform: "uniform" };
    const max = (key) => Math.max(...doc.pareto.map((p) => p[key]), 0);
    const time = unitFor("time", max("latency_us"));
    const energy = unitFor("energy", max("energy_pj"));
    sortable("points-table", "Points of the trade-off", [
      { name: "Point", value: (p) => p.label, head: true },
      { name: "From", value: (p) => origin[p.origin] },
      { name: "Top-1, %", value: (p) => p.top1, show: (v) => grouped(v, 2), numeric: true },
      { name: "Images", title: "Images that the accuracy was measured on", value: (p) => p.top1_images, show: (v) => grouped(v), numeric: true },
      { name: `Latency, ${time.unit}`, value: (p) => p.latency_us / time.factor, show: (v) => significant(v, 4), numeric: true, upFirst: true },
      { name: "Of 8 bits", value: (p) => p.ratio.latency ?? null, show: (v) => grouped(v, 3), numeric: true, upFirst: true },
      { name: `Energy, ${energy.unit}`, value: (p) => p.energy_pj / energy.factor, show: (v) => significant(v, 4), numeric: true, upFirst: true },
      { name: "Size, MiB", value: (p) => p.size_mib, show: (v) => significant(v), numeric: true, upFirst: true },
      { name: "GBOP", value: (p) => p.bops_g, show: (v) => significant(v), numeric: true, upFirst: true },
      { name: "Logits MSE", value: (p) => p.logits_mse ?? null, show: (v) => significant(v), numeric: true, upFirst: true },
    ], doc.pareto, saveName(doc, "points"));
  }

  function comparison(entries) {
    const cost = (doc) => (isSearch(doc) ? doc.cost : doc.totals);
    sortable("comparison-table", "Documents side by side", [
      { name: "Document", value: (e) => e.name, head: true },
      { name: "Model", value: (e) => e.document.model },
      { name: "Accelerator", value: (e) => e.document.accelerator.name },
      { name: "Bits from", value: (e) => (isSearch(e.document) ? `search, ${e.document.method}` : e.document.bits) },
      { name: "Tier", value: (e) => e.document.tier },
      { name: "Batch", value: (e) => batchOf(e.document), numeric: true },
      { name: "Top-1", value: (e) => e.document.top1 ?? null, show: (v) => accuracy(v), numeric: true },
      { name: "Latency", value: (e) => cost(e.document).latency_us, show: (v) => quantity("time", v), numeric: true, upFirst: true },
      { name: "Of 8 bits", value: (e) => e.document.cost?.ratio.latency ?? null, show: (v) => grouped(v, 3), numeric: true, upFirst: true },
      { name: "Energy", value: (e) => cost(e.document).energy_pj, show: (v) => quantity("energy", v), numeric: true, upFirst: true },
      { name: "Size", value: (e) => e.document.cost?.size_mib ?? null, show: (v) => quantity("size", v), numeric: true, upFirst: true },
      { name: "Verified", title: "The cycle tier confirmed the cost", value: (e) => (isSearch(e.document) ? (e.document.verified ? "yes" : "no") : null) },
    ], entries, "documents.csv");
  }

  return { layers, bottlenecks, points, comparison };
})();
