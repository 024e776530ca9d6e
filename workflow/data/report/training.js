// A training run: its curves by epoch, and what the page says of it.
"use strict";

Dyad.training = (() => {
  const { el } = Dyad.dom;
  const { accuracy, grouped, significant, plural } = Dyad.format;

  const isTraining = (doc) => doc.schema.startsWith("dyad.training/");
  const isQuantized = (doc) => doc.scheme !== undefined;

  function figure(doc, id, title, axis, curves, lines, notes) {
    const points = (key) => doc.epochs.map((epoch) => ({
      x: epoch.epoch, y: epoch[key], label: `epoch ${epoch.epoch}`,
      detail: [`training loss ${significant(epoch.loss)}, test ${significant(epoch.test_loss)}`, `training top-1 ${accuracy(epoch.top1_train)}, test ${accuracy(epoch.top1)}`, `rate ${significant(epoch.learning_rate)}`],
    }));
    return {
      id, kind: "scatter", title, subtitle: doc.model, x: { title: "Epoch", type: "linear", min: 0, format: (v) => (Number.isInteger(v) ? String(v) : ""), unit: "" },
      y: { title: axis, type: "linear", format: (v) => significant(v, 3) },
      series: curves.flatMap(([key, name, color, shape]) => [{ name, color, shape, points: points(key) }, { name: `${name}, joined`, color, line: true, points: points(key).map(({ x, y }) => ({ x, y })) }]),
      lines, notes,
      table: { columns: ["epoch", ...curves.map(([key]) => key)], rows: doc.epochs.map((epoch) => [epoch.epoch, ...curves.map(([key]) => epoch[key])]) },
    };
  }

  const best = (doc) => doc.epochs.find((epoch) => epoch.epoch === doc.best_epoch);
  const top1 = (doc) => figure(doc, "training-top1", "Top-1 by epoch", "Top-1 accuracy (%)", [["top1", "test", "blue", "circle"], ["top1_train", "training", "orange", "triangle"]],
    [], [{ x: doc.best_epoch, y: doc.top1, text: "written", ring: true }]);
  const loss = (doc) => figure(doc, "training-loss", "Loss by epoch", "Mean loss", [["test_loss", "test", "blue", "circle"], ["loss", "training", "orange", "triangle"]], [], []);

  function verdict(doc) {
    return [el("p", { class: "verdict" }, `${plural(doc.epochs.length, "epoch")} of ${isQuantized(doc) ? `quantization-aware training (${doc.scheme})` : "training in float"} give `,
      el("strong", {}, accuracy(doc.top1)), ` of the test images, ${isQuantized(doc) ? "counted by the integer network" : "in float"}, after epoch ${doc.best_epoch}.`),
    el("p", { class: "verdict second" }, `The last epoch has ${accuracy(doc.epochs[doc.epochs.length - 1].top1)}. ${doc.stopped_early ? "It stopped early. " : ""}`)];
  }

  function tiles(doc) {
    const tile = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
    return [tile("Top-1", accuracy(doc.top1)), tile("Training loss", significant(best(doc).loss)), tile("Epochs", grouped(doc.epochs.length)), tile("Seed", String(doc.seed))];
  }

  function facts(doc) {
    const bits = (layer) => `W${layer.w}A${layer.a}`;
    return [["Schema", doc.schema], ["Version", doc.version], ["Command", doc.command], ["Seed", String(doc.seed)], ["Weights", doc.out],
      ...(isQuantized(doc) ? [["Integer epochs", String(doc.integer_epochs)], ["Bits", Object.entries(doc.assignment).map(([name, layer]) => `${name} ${bits(layer)}`).join(", ")]] : []),
      ...(doc.export ? [["Integer network", doc.export]] : [])];
  }

  return { isTraining, top1, loss, verdict, tiles, facts };
})();
