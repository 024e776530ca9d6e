// Figures on the screen: a heading, a legend, buttons that save, and a Chart.js canvas.
"use strict";

Dyad.plot = (() => {
  const { el } = Dyad.dom;
  const POINTS = { circle: "circle", triangle: "triangle", square: "rect", diamond: "rectRot", cross: "crossRot", star: "star" };
  const charts = {};
  let hoveredRow = -1;

  const theme = () => (document.documentElement.dataset.theme === "dark" ? "dark" : "light");
  const colors = () => Dyad.palette[theme()];

  /// Draws what Chart.js has no word for: reference lines, rings, texts, values at bars, the row under the pointer.
  const annotations = {
    id: "dyadAnnotations",
    beforeDatasetsDraw(chart) {
      const figure = chart.$figure;
      if (!figure || figure.kind !== "bars" || hoveredRow < 0 || hoveredRow >= figure.categories.length) return;
      const { ctx, chartArea, scales } = chart;
      const row = scales.y.height / figure.categories.length;
      ctx.save();
      ctx.fillStyle = colors().band;
      ctx.fillRect(0, scales.y.top + hoveredRow * row, chartArea.right, row);
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      const figure = chart.$figure;
      if (!figure) return;
      chart.ctx.save();
      if (figure.kind === "bars") drawBarValues(chart, figure);
      else drawNotes(chart, figure);
      chart.ctx.restore();
    },
  };

  function drawBarValues(chart, figure) {
    const { ctx } = chart;
    ctx.fillStyle = colors().soft;
    ctx.textBaseline = "middle";
    figure.series.forEach((one, k) => {
      if (!one.text) return;
      chart.getDatasetMeta(k).data.forEach((bar, i) => {
        const value = one.values[i];
        if (value === null || bar.height < 7) return;
        ctx.font = `${Math.min(10, Math.floor(bar.height + 1))}px ${Dyad.layout.FONT}`;
        ctx.fillText(one.text(value), bar.x + 4, bar.y + 0.5);
      });
    });
  }

  function drawNotes(chart, figure) {
    const { ctx, chartArea, scales } = chart;
    const at = { x: (v) => scales.x.getPixelForValue(v), y: (v) => scales.y.getPixelForValue(v) };
    const tone = colors();
    ctx.strokeStyle = tone.soft;
    ctx.lineWidth = 1;
    ctx.setLineDash([5, 4]);
    for (const line of figure.lines) {
      const p = at[line.axis](line.value);
      ctx.beginPath();
      if (line.axis === "x" && p >= chartArea.left && p <= chartArea.right) {
        ctx.moveTo(p, chartArea.top);
        ctx.lineTo(p, chartArea.bottom);
      } else if (line.axis === "y" && p >= chartArea.top && p <= chartArea.bottom) {
        ctx.moveTo(chartArea.left, p);
        ctx.lineTo(chartArea.right, p);
      }
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = tone.ink;
    ctx.lineWidth = 1.6;
    for (const note of figure.notes.filter((n) => n.ring)) {
      if (at.y(note.y) > chartArea.bottom || at.y(note.y) < chartArea.top) continue;
      ctx.beginPath();
      ctx.arc(at.x(note.x), at.y(note.y), 9, 0, 2 * Math.PI);
      ctx.stroke();
    }
    ctx.font = `600 12px ${Dyad.layout.FONT}`;
    ctx.textBaseline = "alphabetic";
    ctx.lineJoin = "round";
    for (const text of Dyad.layout.texts(figure, at, chartArea, 12)) {
      ctx.save();
      ctx.translate(text.x, text.y);
      ctx.rotate(text.angle);
      ctx.textAlign = text.align;
      ctx.strokeStyle = tone.surface;
      ctx.lineWidth = 4;
      ctx.strokeText(text.text, 0, 0);
      ctx.fillStyle = tone.ink;
      ctx.fillText(text.text, 0, 0);
      ctx.restore();
    }
  }

  const axisTitle = (text, tone) => ({ display: true, text, color: tone.soft, font: { size: 12, family: Dyad.layout.FONT } });

  function barConfig(figure, options) {
    const tone = colors();
    const stacked = Boolean(figure.series[0].stack);
    const count = figure.categories.length;
    const fontSize = count > 60 ? 10 : 12;
    return {
      type: "bar",
      data: {
        labels: figure.categories,
        datasets: figure.series.map((one) => ({
          label: one.name, data: one.values, stack: one.stack, backgroundColor: tone[one.color], borderColor: tone.surface,
          borderWidth: stacked ? { right: 1 } : 0, borderSkipped: false, barPercentage: stacked ? 0.85 : 0.96, categoryPercentage: stacked ? 0.9 : 0.84,
        })),
      },
      options: {
        ...common(tone), indexAxis: "y",
        layout: { padding: { right: 22 } },
        onHover: (event, active, chart) => {
          const row = event.native && event.y >= chart.chartArea.top && event.y <= chart.chartArea.bottom ? Math.round(chart.scales.y.getValueForPixel(event.y)) : -1;
          if (row !== hoveredRow) {
            hoveredRow = row;
            for (const other of Object.values(charts)) if (other.$figure.kind === "bars" && other !== chart) other.draw();
          }
        },
        scales: {
          x: {
            position: "top", stacked, min: 0, max: figure.x.max, title: axisTitle(figure.x.title, tone), grid: { color: tone.grid, borderColor: tone.grid },
            ticks: { color: tone.soft, maxRotation: 0, stepSize: figure.x.step, callback: (v) => figure.x.format(v) },
            afterFit: (scale) => { scale.height = 48; },
          },
          y: {
            stacked, grid: { display: false, borderColor: tone.grid },
            ticks: {
              display: options.names, autoSkip: false, color: tone.ink, font: { size: fontSize, family: Dyad.layout.FONT },
              callback: (v) => Dyad.format.shorten(figure.categories[v], Math.floor(options.nameWidth / (fontSize * 0.56))),
            },
            afterFit: (scale) => { if (options.names) scale.width = Math.min(scale.width, options.nameWidth); },
          },
        },
        interaction: { mode: "index", axis: "y", intersect: false },
        plugins: {
          legend: { display: false },
          tooltip: {
            ...tooltipLook(tone),
            callbacks: {
              title: (items) => figure.categories[items[0].dataIndex],
              label: (item) => ` ${item.dataset.label}: ${Dyad.format.significant(item.raw, 3)} ${figure.x.unit ?? "bits"}`,
              footer: (items) => (stacked ? `total: ${Dyad.format.significant(items.reduce((sum, item) => sum + item.raw, 0), 3)} ${figure.x.unit}` : ""),
            },
          },
        },
      },
      plugins: [annotations],
    };
  }

  function scatterConfig(figure) {
    const tone = colors();
    const scale = (axis) => ({
      type: axis.type === "log" ? "logarithmic" : "linear", min: axis.min, max: axis.max, grace: axis.type === "linear" ? "4%" : undefined,
      title: axisTitle(axis.title, tone), grid: { color: tone.grid, borderColor: tone.grid },
      ticks: { color: tone.soft, maxRotation: 0, autoSkipPadding: 12, callback: axis.type === "log" ? logTick(axis) : (v) => axis.format(v) },
    });
    return {
      type: "scatter",
      data: {
        datasets: figure.series.map((one) => ({
          label: one.name, data: one.points, hidden: Boolean(one.hidden), pointStyle: POINTS[one.shape], showLine: Boolean(one.line), order: one.line ? 2 : 1,
          backgroundColor: tone[one.color], borderColor: one.line || one.shape === "cross" || one.shape === "star" ? tone[one.color] : tone.surface,
          borderWidth: one.line ? 1.6 : one.shape === "cross" || one.shape === "star" ? 2 : 1,
          pointRadius: one.line ? 0 : one.shape === "diamond" || one.shape === "triangle" ? 7 : 6, pointHoverRadius: one.line ? 0 : 9, pointHitRadius: one.line ? 0 : 4,
        })),
      },
      options: {
        ...common(tone), layout: { padding: { top: 8, right: 12 } }, scales: { x: scale(figure.x), y: scale(figure.y) },
        interaction: { mode: "nearest", intersect: true },
        plugins: {
          legend: { display: false },
          tooltip: {
            ...tooltipLook(tone), filter: (item) => item.raw.label !== undefined,
            callbacks: { title: (items) => items.map((item) => item.raw.label).join(", "), label: (item) => item.raw.detail },
          },
        },
      },
      plugins: [annotations],
    };
  }

  /// Powers of ten, and 2 and 5 between them when the axis spans fewer than two decades.
  function logTick(axis) {
    return function tick(value) {
      const mantissa = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
      const decades = Math.log10(this.max / this.min);
      return mantissa === 1 || mantissa === 10 || (decades < 2 && (mantissa === 2 || mantissa === 5)) ? axis.format(value) : "";
    };
  }

  const common = (tone) => ({ animation: false, responsive: true, maintainAspectRatio: false, color: tone.ink, font: { family: Dyad.layout.FONT } });
  const tooltipLook = (tone) => ({
    backgroundColor: tone.ink, titleColor: tone.surface, bodyColor: tone.surface, footerColor: tone.surface, padding: 10, cornerRadius: 6, usePointStyle: true,
    titleFont: { family: Dyad.layout.FONT }, bodyFont: { family: Dyad.layout.FONT },
  });

  /// A small drawing of a series' mark for legends and filters.
  function swatch(one) {
    const tone = colors();
    const box = el("span", { class: "swatch", "aria-hidden": "true" });
    const inside = one.line ? `<path d="M1 7h12" stroke="${tone[one.color]}" stroke-width="2"/>` : one.values
      ? `<rect x="1" y="1" width="12" height="12" rx="2" fill="${tone[one.color]}"/>` : Dyad.svg.mark(one.shape, 7, 7, 5, tone[one.color]);
    box.innerHTML = `<svg width="14" height="14" viewBox="0 0 14 14">${inside}</svg>`;  // our own constants only, never a document's text
    return box;
  }

  function saveButtons(id, figure) {
    const name = `${figure.subtitle.replace(/[^A-Za-z0-9.-]+/g, "-")}-${id}`;
    const button = (kind, what, action) => el("button", { type: "button", class: "small", "data-save": `${id}.${kind}`, title: `Save as ${what}`, "aria-label": `Save ${figure.title} as ${what}`, onclick: action }, kind.toUpperCase());
    return el("div", { class: "saves" },
      button("png", "PNG image", async () => Dyad.dom.save(`${name}.png`, "image/png", await Dyad.svg.png(figure))),
      button("svg", "SVG drawing", () => Dyad.dom.save(`${name}.svg`, "image/svg+xml", Dyad.svg.draw(figure))),
      button("csv", "CSV table", () => Dyad.dom.save(`${name}.csv`, "text/csv", Dyad.format.csv(figure.table.columns, figure.table.rows))));
  }

  function barHeight(figure) {
    const count = figure.categories.length;
    return 56 + count * (count > 60 ? 15 : count > 36 ? 20 : 24);
  }

  /// Puts the figure into the element `id`. Options: legend, names (of layers), nameWidth in pixels, note (text below).
  function mount(id, figure, options = {}) {
    charts[id]?.destroy();
    const canvas = el("canvas", { role: "img", "aria-label": `${figure.title}. ${figure.subtitle}. The same numbers are in the table and in the CSV file.` });
    const box = el("div", { class: "canvas-box" }, canvas);
    if (figure.kind === "bars") box.style.height = `${barHeight(figure)}px`;
    const scroll = figure.kind === "bars" ? el("div", { class: "canvas-scroll" }, box) : box;
    const legend = options.legend === false ? null : el("ul", { class: "legend" }, figure.series.map((one) => el("li", {}, swatch(one), one.name)));
    Dyad.dom.fill(id, el("div", { class: "plot-head" }, el("h3", {}, figure.title), saveButtons(id, figure)), legend, scroll, options.note ? el("p", { class: "note" }, options.note) : null);
    const chart = new Chart(canvas, figure.kind === "bars" ? barConfig(figure, { names: true, nameWidth: 220, ...options }) : scatterConfig(figure));
    chart.$figure = figure;
    chart.draw();
    charts[id] = chart;
    return chart;
  }

  return { charts, mount, swatch, theme };
})();
