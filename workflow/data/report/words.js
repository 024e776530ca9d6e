// The result in sentences, badges and tiles: what was asked, what came out, how sure it is.
"use strict";

Dyad.words = (() => {
  const { el } = Dyad.dom;
  const { quantity, significant, grouped, percent, accuracy, signed, plural } = Dyad.format;
  const { COSTS, batchOf, batchWords, isSearch } = Dyad.figures;

  const METHODS = {
    exact: "the measured error of each layer and an exact integer program",
    hawq: "Hessian traces and an exact integer program",
    haq: "HAQ's agent, which learns from the accuracy of whole networks",
    evolution: "regularized evolution on the accuracy of whole networks",
    random: "random draws, scored by the accuracy of whole networks",
    hmq: "bits and network trained together by gradient, and an integer program over the probabilities",
  };
  const LADDER = { latency: "time", energy: "energy", size: "size", bops: "bops" };
  const amount = (name, value) => (name in LADDER ? quantity(LADDER[name], value) + (COSTS[name].suffix ?? "") : significant(value));

  const plain = (value) => String(Number(value.toPrecision(4)));

  function limitWords(limit) {
    if (limit.kind === "ratio") return `${limit.name} at most ${plain(limit.value)} of the 8-bit network's`;
    if (limit.kind === "fraction") return `${limit.name} at most ${percent(limit.value, 0)} of the way from the cheapest to the dearest choice`;
    return `${limit.name} at most ${amount(limit.name, limit.absolute)}`;
  }

  const joined = (parts) => (parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`);
  const costOf = (doc, name) => doc.cost[COSTS[name].key];

  function points(difference) {
    const size = Math.abs(difference);
    if (size < 0.005) return "the same as";
    return `${grouped(size, 2)} points ${difference < 0 ? "below" : "above"}`;
  }

  function searchVerdict(doc) {
    const strong = (text) => el("strong", {}, text);
    const weighted = Object.keys(doc.assignment).length;
    const ratio = doc.cost.ratio.latency;
    const asked = doc.limits.length ? `with ${joined(doc.limits.map(limitWords))}` : "without a limit on cost";
    const first = el("p", { class: "verdict" },
      `Dyad chose the bits of ${plural(weighted, "layer")} of `, strong(doc.model), " on ", strong(doc.accelerator.name), `, ${asked}. The integer network keeps `,
      strong(`${accuracy(doc.top1)} top-1`), ` on ${plural(doc.images.evaluation, "image")}, ${points(doc.top1 - doc.top1_float)} the float network, and runs `,
      ...(Number.isFinite(ratio) ? ["in ", strong(`${grouped(ratio, 3)} of the latency`), " of 8 bits everywhere."] : ["in ", strong(quantity("time", doc.cost.latency_us)), "."]));
    return [first, el("p", { class: "verdict second" }, uniformWords(doc), ` The method was ${METHODS[doc.method] ?? `“${doc.method}”`}; costs come from the ${doc.tier} tier.`)];
  }

  function uniformWords(doc) {
    const uniform = doc.best_uniform;
    if (!uniform) return "No network with the same bits in every layer stays within these limits.";
    const gap = doc.top1 - uniform.top1;
    const parts = [`The best network with the same bits in every layer and no higher cost, ${uniform.label}, keeps ${accuracy(uniform.top1)}`];
    parts.push(Math.abs(gap) < 0.005 ? ", the same" : `, ${grouped(Math.abs(gap), 2)} points ${gap > 0 ? "less" : "more"}`);
    if (Number.isFinite(uniform.ratio?.latency)) parts.push(`, at ${grouped(uniform.ratio.latency, 3)} of the latency`);
    if (Number.isFinite(uniform.logits_mse) && doc.logits_mse > 0) parts.push(`; the squared error of its logits is ${significant(uniform.logits_mse / doc.logits_mse)} times the result's`);
    return `${parts.join("")}.`;
  }

  function simulationVerdict(doc) {
    const strong = (text) => el("strong", {}, text);
    const waiting = doc.totals.cycles > 0 ? doc.totals.stall_cycles / doc.totals.cycles : 0;
    const worst = doc.layers.reduce((a, b) => (b.latency_us > a.latency_us ? b : a));
    return [
      el("p", { class: "verdict" }, `${sentence(batchWords(batchOf(doc)))} through `, strong(doc.model), ` at ${doc.bits} on `, strong(doc.accelerator.name), " takes ",
        strong(quantity("time", doc.totals.latency_us)), " and ", strong(quantity("energy", doc.totals.energy_pj)), ` in the ${doc.tier} tier.`),
      el("p", { class: "verdict second" }, measured(doc) ? "These are measurements of its layers. " : `The array is ${percent(doc.totals.utilization)} utilized and waits for data or room in ${percent(waiting)} of the cycles. `,
        `The slowest layer is ${worst.name}, with ${percent(worst.latency_us / doc.totals.latency_us)} of the time.`),
    ];
  }

  const measured = (doc) => doc.tier === "measured";
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  function badges(doc) {
    if (!isSearch(doc)) return [badge("plain", `${sentence(doc.tier)} tier`)];
    const episodes = (doc.history ?? []).length;
    const list = [episodes > 1 ? badge("plain", `Best of ${plural(episodes, "episode")}, not proved`) : doc.status === "optimal" ? badge("good", "Choice of bits proved optimal") : badge("bad", `Not proved optimal: ${doc.status}`)];
    if (doc.stopped_at) list.push(badge("bad", `Stopped early, at: ${doc.stopped_at}`));
    const check = doc.cycle_check;
    if (doc.verified) list.push(badge("good", `Cost confirmed by the cycle tier${check ? `, ${significant(100 * Math.abs(check.network_error), 2)} % apart` : ""}`));
    else if (check) list.push(badge("bad", `Cycle tier differs by up to ${percent(check.worst_layer_error)} in a layer`));
    else list.push(badge("plain", measured(doc) ? "Costs are measurements: no cycle tier to check them" : "Cost not checked by the cycle tier"));
    for (const limit of doc.limits) {
      const used = Number.isFinite(costOf(doc, limit.name)) && limit.absolute > 0 ? costOf(doc, limit.name) / limit.absolute : null;
      if (used === null) continue;
      list.push(used <= 1 ? badge("good", `${sentence(limit.name)} limit met, ${percent(used)} of it used`) : badge("bad", `${sentence(limit.name)} limit passed: ${percent(used)} of it`));
    }
    return list;
  }

  const SIGNS = { good: "✓", bad: "✕", plain: "·" };
  const badge = (kind, text) => el("li", { class: `badge ${kind}` }, el("span", { "aria-hidden": "true" }, SIGNS[kind]), text);

  /// Bits of the average multiplication: weighted with the layers' MACs.
  function averageBits(doc) {
    const layers = doc.layers.filter((layer) => layer.w && layer.a && layer.macs > 0);
    const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
    const mean = (key) => layers.reduce((sum, layer) => sum + layer[key] * layer.macs, 0) / macs;
    return macs > 0 ? { w: mean("w"), a: mean("a") } : null;
  }

  function tile(name, value, note) {
    return el("div", { class: "tile" }, el("dt", {}, name), el("dd", { class: "value" }, value), el("dd", { class: "of" }, note));
  }

  function tiles(doc) {
    const bits = averageBits(doc);
    const bitsTile = bits ? [tile("Average bits", `${grouped(bits.w, 1)} × ${grouped(bits.a, 1)}`, "weights × activations")] : [];
    if (!isSearch(doc)) {
      const t = doc.totals;
      return [
        tile("Latency", quantity("time", t.latency_us), batchWords(batchOf(doc))), tile("Energy", quantity("energy", t.energy_pj), batchWords(batchOf(doc))),
        tile("Utilization", percent(t.utilization), "of peak operations"), tile("DRAM traffic", quantity("size", (t.dram_read_bits + t.dram_write_bits) / 8 / 1048576), "read and written"), ...bitsTile,
      ];
    }
    const ratio = (name) => (Number.isFinite(doc.cost.ratio[name]) ? `${grouped(doc.cost.ratio[name], 3)} of 8 bits` : "");
    return [
      tile("Top-1", accuracy(doc.top1), `${signed(doc.top1 - doc.top1_float, 2)} against float`),
      ...Object.entries(COSTS).map(([name, cost]) => tile(cost.name, amount(name, costOf(doc, name)), ratio(name))), ...bitsTile,
    ];
  }

  function facts(doc) {
    const list = [["Schema", doc.schema], ["Made by", `Dyad ${doc.version}`]];
    const add = (name, value) => { if (value !== undefined && value !== null && value !== "") list.push([name, String(value)]); };
    add("Hash of the request", doc.config_hash);
    add("Seed", doc.seed);
    add("Model", doc.model);
    const a = doc.accelerator;
    const peak = a.peak_binary_ops_per_s > 0 ? `, ${quantity("count", a.peak_binary_ops_per_s)} binary ops/s` : "";
    const dram = a.dram_bytes_per_s > 0 ? `, DRAM ${quantity("count", a.dram_bytes_per_s)}B/s` : "";
    add("Accelerator", `${a.name}: ${significant(a.clock_mhz)} MHz${peak}${dram}, batch ${a.batch}`);
    add("Tier", doc.tier);
    for (const note of doc.notes ?? []) add("Note", note);
    if (!isSearch(doc)) {
      add("Bits", doc.bits);
      return list;
    }
    add("Data", `${doc.data.name}, ${plural(doc.data.images, "image")}`);
    add("Images", `${grouped(doc.images.calibration)} to calibrate, ${grouped(doc.images.evaluation)} to measure accuracy`);
    if (doc.sensitivity) add("Sensitivity", `${doc.sensitivity.metric} on ${plural(doc.sensitivity.images, "image")}`);
    add("Integer program", `${doc.status}${Number.isFinite(doc.objective) ? `, objective ${significant(doc.objective, 6)}` : ""}${Number.isFinite(doc.bound) ? `, proved bound ${significant(doc.bound, 6)}` : ""}`);
    add("Latency", `${quantity("time", doc.cost.latency_us, 5)} as a network; ${quantity("time", doc.cost.separable_latency_us, 5)} as the sum of layers that the integer program used`);
    const check = doc.cycle_check;
    if (check) add("Cycle tier", `${grouped(check.cycle_cycles)} cycles, analytic ${grouped(check.analytic_cycles)} (${significant(100 * check.network_error, 2)} % apart); layers differ by ${percent(check.mean_layer_error, 2)} on average, at most ${percent(check.worst_layer_error, 2)} in ${check.worst_layer}`);
    add("Squared error of the logits", Number.isFinite(doc.logits_mse) ? significant(doc.logits_mse, 5) : null);
    add("Top-5", Number.isFinite(doc.top5) ? accuracy(doc.top5) : null);
    add("SHA-256 of the logits", doc.digest);
    add("Integer network", doc.out);
    return list;
  }

  return { verdict: (doc) => (isSearch(doc) ? searchVerdict(doc) : simulationVerdict(doc)), badges, tiles, facts, limitWords };
})();
