// What each plot shows, apart from how it is drawn: the screen (plot.js), SVG and CSV all read the same figure.
//
// A figure: {id, title, subtitle, kind: "bars"|"scatter", x, y, series, categories?, lines?, notes?, table: {columns, rows}}
// An axis:  {title, type: "linear"|"log", format(value), fromZero?, min?, max?}
// A series: {name, color, shape?, role?, hidden?, stack?, values? (bars), points? [{x, y, label, detail[], hollow?}], line?}
// A note:   {x, y, text, ring?, anchor?, toward?}; a line: {axis, value, text}
"use strict";

Dyad.figures = (() => {
  const { unitFor, significant, quantity, accuracy, percent, grouped, plural } = Dyad.format;

  const COSTS = {
    latency: { key: "latency_us", ladder: "time", title: (batch) => `Latency of ${batchWords(batch)}`, name: "Latency" },
    energy: { key: "energy_pj", ladder: "energy", title: (batch) => `Energy of ${batchWords(batch)}`, name: "Energy" },
    size: { key: "size_mib", ladder: "size", title: () => "Size of the weights", name: "Size" },
    bops: { key: "bops_g", ladder: "bops", title: () => "Bit operations of an image", name: "Bit operations", suffix: "BOP" },
  };
  const QUALITIES = {
    top1: { name: "Top-1 accuracy", title: "Top-1 accuracy (%)", type: "linear", better: 1 },
    logits_mse: { name: "Error of the logits", title: "Mean squared error of the logits", type: "log", better: -1 },
  };
  const RANGES = [1, 2, 5, 10, 20];
  const ORIGINS = {
    search: { name: "Search", color: "blue", shape: "circle" },
    sweep: { name: "Sweep of the limit", color: "green", shape: "diamond" },
    uniform: { name: "Uniform bits", color: "orange", shape: "triangle" },
  };
  const BOUNDS = [
    { key: "compute", name: "compute", color: "green", shape: "circle" },
    { key: "weight fetch", name: "weight fetch", color: "orange", shape: "triangle" },
    { key: "activation fetch", name: "activation fetch", color: "sky", shape: "square" },
    { key: "output", name: "output", color: "purple", shape: "diamond" },
    { key: "fill", name: "fill", color: "grey", shape: "cross" },
  ];
  const COMPONENTS = { array: "blue", sram: "sky", dram: "orange", leakage: "grey", idle: "purple" };
  const SPARE_COLORS = ["green", "vermillion", "yellow"];

  const batchOf = (doc) => doc.batch ?? doc.accelerator.batch;
  const batchWords = (batch) => (batch === 1 ? "one image" : `a batch of ${grouped(batch)} images`);
  const isSearch = (doc) => doc.schema.startsWith("dyad.search/");
  const limitOn = (doc, cost) => (doc.limits ?? []).find((limit) => limit.name === cost);

  /// The points that no other one beats in both directions, from the cheapest on.
  function front(points, better) {
    const sorted = [...points].sort((p, q) => p.x - q.x || better * (q.y - p.y));
    const kept = [];
    for (const point of sorted) if (kept.length === 0 || better * (point.y - kept[kept.length - 1].y) > 0) kept.push(point);
    return kept;
  }

  /// Standard error of a point's top-1 in percent points: its images are a sample.
  const standardError = (p) => (p.top1_images > 0 ? Math.sqrt((p.top1 * (100 - p.top1)) / p.top1_images) : 0);

  /// What to say of points that were measured on fewer images than the others; null without such points.
  function sampledWords(doc, state) {
    if (state.y !== "top1") return null;
    const most = Math.max(doc.images.evaluation, ...doc.pareto.map((p) => p.top1_images));
    const sampled = doc.pareto.filter((p) => p.top1_images < most);
    if (sampled.length === 0) return null;
    const fewest = sampled.reduce((a, b) => (b.top1_images < a.top1_images ? b : a));
    const usual = standardError({ top1: doc.top1, top1_images: fewest.top1_images });
    return `Hollow points were measured on fewer images (${grouped(fewest.top1_images)} of ${grouped(most)}); their accuracy is known to about ± ${grouped(usual, 1)} points, so the line leaves them out.`;
  }

  const belowWords = (count) => (count === 0 ? null : `${plural(count, "point")} of lower accuracy ${count === 1 ? "lies" : "lie"} below this view; “Down to” shows ${count === 1 ? "it" : "them"}.`);

  /// The narrowest view of the accuracy axis that still shows the result and the best uniform network, in points below float.
  function usualRange(doc) {
    const shown = [doc.top1, ...(doc.best_uniform ? [doc.best_uniform.top1] : [])];
    return RANGES.find((range) => shown.every((top1) => top1 >= doc.top1_float - 0.9 * range)) ?? "all";
  }

  function pareto(doc, state) {
    const cost = COSTS[state.x];
    const quality = QUALITIES[state.y];
    const usable = doc.pareto.filter((p) => Number.isFinite(p[cost.key]) && Number.isFinite(p[state.y]) && (quality.type !== "log" || p[state.y] > 0));
    const { factor, unit } = unitFor(cost.ladder, Math.max(...usable.map((p) => p[cost.key]), 0));
    const unitName = unit + (cost.suffix ?? "");
    const most = Math.max(doc.images.evaluation, ...doc.pareto.map((p) => p.top1_images));
    const place = (p) => ({
      x: p[cost.key] / factor, y: p[state.y], label: p.label, hollow: state.y === "top1" && p.top1_images < most,
      detail: [
        `top-1 ${accuracy(p.top1)} ± ${grouped(standardError(p), 2)} on ${plural(p.top1_images, "image")}`,
        `latency ${quantity("time", p.latency_us)}${ratioWords(p, "latency")}`,
        `energy ${quantity("energy", p.energy_pj)}${ratioWords(p, "energy")}`,
        `weights ${quantity("size", p.size_mib)}, ${quantity("bops", p.bops_g)}BOP`,
        ...(Number.isFinite(p.logits_mse) ? [`squared error of the logits ${significant(p.logits_mse)}`] : []),
      ],
    });
    const series = Object.entries(ORIGINS).map(([role, look]) => ({
      ...look, role, hidden: state.hidden.has(role), points: usable.filter((p) => p.origin === role).map(place),
    })).filter((one) => one.points.length > 0);
    const all = usable.map(place);
    series.push({ name: "Not beaten by another", color: "ink", role: "front", line: true, hidden: state.hidden.has("front"), points: front(all.filter((p) => !p.hollow), quality.better) });

    const lowest = state.y === "top1" && state.range !== "all" ? doc.top1_float - Number(state.range) : undefined;
    const below = lowest === undefined ? 0 : all.filter((p) => p.y < lowest).length;
    const notes = [];
    if (Number.isFinite(doc[state.y]) && !state.hidden.has("search"))
      notes.push({ x: doc.cost[cost.key] / factor, y: doc[state.y], text: "this result", ring: true });
    const uniform = doc.best_uniform;
    if (uniform && Number.isFinite(uniform[state.y]) && !state.hidden.has("uniform"))
      notes.push({ x: uniform[cost.key] / factor, y: uniform[state.y], text: `best uniform, ${uniform.label}`, ring: true });
    const lines = [];
    if (state.y === "top1") lines.push({ axis: "y", value: doc.top1_float, text: `float ${accuracy(doc.top1_float)}` });
    const limit = limitOn(doc, state.x);
    if (limit) lines.push({ axis: "x", value: limit.absolute / factor, text: `limit ${quantity(cost.ladder, limit.absolute)}` });
    return {
      id: "pareto", kind: "scatter", title: `${quality.name} against ${cost.name.toLowerCase()}`, subtitle: `${doc.model} on ${doc.accelerator.name}`,
      x: { title: `${cost.title(batchOf(doc))} (${unitName})`, type: "linear", format: (v) => trimmed(v, 4), unit: unitName },
      remarks: [belowWords(below), sampledWords(doc, state)].filter(Boolean),
      y: { title: quality.title, type: quality.type, min: lowest, format: (v) => (state.y === "top1" ? trimmed(v, 2) : significant(v, 2)) },
      series, lines, notes,
      table: {
        columns: ["label", "origin", "top1_percent", "top1_images", "latency_us", "energy_pj", "size_mib", "bops_g", "logits_mse"],
        rows: doc.pareto.map((p) => [p.label, p.origin, p.top1, p.top1_images, p.latency_us, p.energy_pj, p.size_mib, p.bops_g, p.logits_mse]),
      },
    };
  }

  const COURSE_COLORS = ["blue", "orange", "green", "vermillion", "purple", "sky", "grey"];
  const question = (doc) => JSON.stringify([doc.model, doc.accelerator.name, doc.tier, doc.limits, doc.reward_images]);
  const hasCourse = (doc) => isSearch(doc) && (doc.history ?? []).length > 0;

  /// The documents that answer the same question as `doc` and tell how their search went.
  const comparable = (entries, doc) => (hasCourse(doc) ? entries.filter((e) => hasCourse(e.document) && question(e.document) === question(doc)) : []);

  /// Best so far against networks evaluated, one line a search; a search without episodes is a point and a level.
  function course(entries, doc) {
    const searches = comparable(entries, doc);
    const last = Math.max(...searches.flatMap((e) => e.document.history.map((episode) => episode.evaluations)));
    const series = [];
    const lines = [];
    searches.forEach((entry, i) => {
      const color = COURSE_COLORS[i % COURSE_COLORS.length];
      const method = entry.document.method;
      const twice = searches.filter((other) => other.document.method === method).length > 1;
      const name = twice ? `${method}, ${entry.name}` : method;
      const points = [];
      let best = -Infinity;
      for (const episode of entry.document.history) {
        if (episode.top1 <= best) continue;
        if (points.length > 0) points.push({ x: episode.evaluations, y: best });
        best = episode.top1;
        points.push({ x: episode.evaluations, y: best });
      }
      if (entry.document.history.length > 1) series.push({ name, color, line: true, points: [...points, { x: last, y: best }] });
      else lines.push({ axis: "y", value: best, text: `${name} ${accuracy(best)}` });
      if (entry.document.history.length === 1)
        series.push({ name: `${name}: its one result`, color, shape: "diamond", points: [{ x: points[0].x, y: best, label: name,
          detail: [`top-1 ${accuracy(best)} on ${plural(doc.reward_images, "calibration image")}`, `after ${plural(points[0].x, "network")}`] }] });
    });
    return {
      id: "course", kind: "scatter", title: "Best so far against networks evaluated", subtitle: `${doc.model} on ${doc.accelerator.name}`,
      x: { title: "Networks evaluated", type: "linear", min: 0, format: (v) => grouped(v) },
      y: { title: `Best top-1 on ${plural(doc.reward_images, "calibration image")} (%)`, type: "linear", format: (v) => trimmed(v, 2) },
      series, lines, notes: [],
      table: {
        columns: ["search", "evaluations", "reward", "top1_percent", "logits_mse", "latency_us", "energy_pj", "size_mib", "bops_g"],
        rows: searches.flatMap((e) => e.document.history.map((h) => [e.name, h.evaluations, h.reward, h.top1, h.logits_mse, h.latency_us, h.energy_pj, h.size_mib, h.bops_g])),
      },
    };
  }

  const ratioWords = (point, name) => (Number.isFinite(point.ratio?.[name]) ? ` (${grouped(point.ratio[name], 3)} of 8 bits)` : "");
  const trimmed = (value, decimals) => String(Number(value.toFixed(decimals)));

  function layerFigure(doc, id, title, axis, series, table) {
    return {
      id, kind: "bars", title, subtitle: `${doc.model} on ${doc.accelerator.name}`, categories: doc.layers.map((layer) => layer.name),
      x: { type: "linear", fromZero: true, ...axis }, series, table,
    };
  }

  function bits(doc) {
    const values = (key) => doc.layers.map((layer) => layer[key] ?? null);
    const widest = Math.max(8, ...values("w"), ...values("a"));
    return layerFigure(doc, "bits", "Bits", { title: "bits", format: (v) => String(v), min: 0, max: widest, step: 2 }, [
      { name: "weights", color: "blue", values: values("w"), text: (v) => `${v}` },
      { name: "activations", color: "orange", values: values("a"), text: (v) => `${v}` },
    ], { columns: ["layer", "weight_bits", "activation_bits"], rows: doc.layers.map((layer) => [layer.name, layer.w, layer.a]) });
  }

  function latency(doc) {
    const { factor, unit } = unitFor("time", Math.max(...doc.layers.map((layer) => layer.latency_us)));
    const waiting = doc.layers.map((layer) => (layer.cycles > 0 ? (layer.latency_us * layer.stall_cycles) / layer.cycles : 0));
    const measured = [{ name: "measured", color: "green", stack: "latency", values: doc.layers.map((layer) => layer.latency_us / factor) }];
    return layerFigure(doc, "latency", "Latency", { title: `${unit} for ${batchWords(batchOf(doc))}`, format: (v) => trimmed(v, 3), unit }, doc.tier === "measured" ? measured : [
      { name: "array computes", color: "green", stack: "latency", values: doc.layers.map((layer, i) => (layer.latency_us - waiting[i]) / factor) },
      { name: "array waits", color: "vermillion", stack: "latency", values: waiting.map((v) => v / factor) },
    ], {
      columns: ["layer", "latency_us", "cycles", "compute_cycles", "stall_cycles"],
      rows: doc.layers.map((layer) => [layer.name, layer.latency_us, layer.cycles, layer.compute_cycles, layer.stall_cycles]),
    });
  }

  function energy(doc) {
    const present = new Set(doc.layers.flatMap((layer) => Object.keys(layer.energy_breakdown_pj)));
    const names = [...Object.keys(COMPONENTS).filter((name) => present.has(name)), ...[...present].filter((name) => !(name in COMPONENTS)).sort()];
    const { factor, unit } = unitFor("energy", Math.max(...doc.layers.map((layer) => layer.energy_pj)));
    let spare = 0;
    const shown = { sram: "SRAM", dram: "DRAM", idle: "idle memory" };
    return layerFigure(doc, "energy", "Energy", { title: `${unit} for ${batchWords(batchOf(doc))}`, format: (v) => trimmed(v, 3), unit }, names.map((name) => ({
      name: shown[name] ?? name, color: COMPONENTS[name] ?? SPARE_COLORS[spare++ % SPARE_COLORS.length], stack: "energy",
      values: doc.layers.map((layer) => (layer.energy_breakdown_pj[name] ?? 0) / factor),
    })), {
      columns: ["layer", "energy_pj", ...names.map((name) => `${name}_pj`)],
      rows: doc.layers.map((layer) => [layer.name, layer.energy_pj, ...names.map((name) => layer.energy_breakdown_pj[name] ?? 0)]),
    });
  }

  /// Binary operations (2 w a a MAC) for the batch, DRAM bytes, and the rate that was reached.
  function rooflinePoint(layer, batch) {
    if (!layer.w || !layer.a || !layer.macs) return null;
    const operations = 2 * layer.macs * layer.w * layer.a * batch;
    const bytes = (layer.dram_read_bits + layer.dram_write_bits) / 8;
    if (bytes <= 0 || layer.latency_us <= 0) return null;
    return { operations, bytes, intensity: operations / bytes, rate: operations / (layer.latency_us * 1e-6) };
  }

  function roofline(doc) {
    const batch = batchOf(doc);
    const peak = doc.accelerator.peak_binary_ops_per_s;
    const bandwidth = doc.accelerator.dram_bytes_per_s;
    const ridge = peak / bandwidth;
    const placed = doc.layers.map((layer) => ({ layer, at: rooflinePoint(layer, batch) })).filter((one) => one.at);
    const left = Math.min(ridge / 4, ...placed.map((one) => one.at.intensity / 1.6));
    const right = Math.max(ridge * 4, ...placed.map((one) => one.at.intensity * 1.6));
    const bottom = Math.min(bandwidth * left, ...placed.map((one) => one.at.rate / 1.6));
    const point = ({ layer, at }) => ({
      x: at.intensity, y: at.rate, label: layer.name,
      detail: [
        `${layer.kind}, W${layer.w}A${layer.a}, bound by ${layer.bottleneck}`,
        `${quantity("count", at.rate)} binary ops/s, ${percent(at.rate / Math.min(peak, bandwidth * at.intensity))} of what the roof allows here`,
        `${significant(at.intensity)} binary ops for each DRAM byte`,
        `${quantity("time", layer.latency_us)}`,
      ],
    });
    const known = new Set(BOUNDS.map((bound) => bound.key));
    const others = [...new Set(placed.map((one) => one.layer.bottleneck).filter((name) => !known.has(name)))].sort();
    const bounds = [...BOUNDS, ...others.map((key) => ({ key, name: key, color: "vermillion", shape: "star" }))];
    const series = bounds.map((bound) => ({
      name: `bound by ${bound.name}`, color: bound.color, shape: bound.shape, points: placed.filter((one) => one.layer.bottleneck === bound.key).map(point),
    })).filter((one) => one.points.length > 0);
    series.push({ name: "roof", color: "ink", line: true, points: [{ x: left, y: bandwidth * left }, { x: ridge, y: peak }, { x: right, y: peak }] });
    const si = (v) => quantity("count", v, 2).replace(/\.0(?=\s|$)/, "");
    return {
      id: "roofline", kind: "scatter", title: "Roofline", subtitle: `${doc.model} on ${doc.accelerator.name}`,
      x: { title: "Binary operations for each byte of DRAM traffic", type: "log", format: si, min: left, max: right },
      y: { title: "Binary operations per second", type: "log", format: si, min: bottom / 1.3, max: peak * 2.2 },
      series, lines: [], omitted: doc.layers.length - placed.length,
      notes: [
        { x: right, y: peak, text: `array: ${si(peak)} ops/s`, anchor: "end-above" },
        { x: left, y: bandwidth * left, text: `DRAM: ${quantity("count", bandwidth)}B/s`, anchor: "slope", toward: { x: ridge, y: peak } },
      ],
      table: {
        columns: ["layer", "binary_ops", "dram_bytes", "binary_ops_per_byte", "binary_ops_per_s", "bottleneck"],
        rows: placed.map(({ layer, at }) => [layer.name, at.operations, at.bytes, at.intensity, at.rate, layer.bottleneck]),
      },
    };
  }

  return { COSTS, QUALITIES, RANGES, ORIGINS, usualRange, batchOf, batchWords, isSearch, limitOn, front, pareto, comparable, course, bits, latency, energy, rooflinePoint, roofline };
})();
