// A figure as a stand-alone SVG drawing (vector shapes and real text, light colours), and from it as PNG.
"use strict";

/// Okabe and Ito's palette, told apart by all common kinds of colour vision; on dark ground its darkest colours are lightened.
Dyad.palette = {
  light: {
    surface: "#ffffff", ink: "#1b2430", soft: "#56616f", grid: "#e3e7ec", band: "rgba(0,114,178,0.07)",
    blue: "#0072B2", sky: "#56B4E9", green: "#009E73", orange: "#E69F00", vermillion: "#D55E00", purple: "#CC79A7", yellow: "#D9CC1E", grey: "#8A929C",
  },
  dark: {
    surface: "#171d25", ink: "#e8edf3", soft: "#a3afbd", grid: "#2c3641", band: "rgba(140,203,240,0.09)",
    blue: "#3D9CD8", sky: "#9AD4F5", green: "#1DB88C", orange: "#F0AE24", vermillion: "#EE7A2E", purple: "#DE97BF", yellow: "#F0E442", grey: "#8A96A3",
  },
};

Dyad.layout = (() => {
  const FONT = '"Inter", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif';
  let context = null;
  function measure(text, size, weight = 400) {
    context ??= document.createElement("canvas").getContext("2d");
    context.font = `${weight} ${size}px ${FONT}`;
    return context.measureText(text).width;
  }

  /// Where the texts of notes and reference lines go, kept inside the area and off each other.
  /// `at.x`, `at.y` map values to pixels; gives [{text, x, y, align: "start"|"end", angle}].
  function texts(figure, at, area, size) {
    const placed = [];
    const boxes = [];
    const add = (text, x, y, align) => {
      const width = measure(text, size, 600);
      const box = (top) => ({ left: align === "end" ? x - width : x, right: align === "end" ? x : x + width, top: top - size, bottom: top + 3 });
      const hits = (b) => boxes.some((o) => b.left < o.right && b.right > o.left && b.top < o.bottom && b.bottom > o.top);
      let row = y;
      for (const shift of [0, size + 4, -(size + 4), 2 * (size + 4), -2 * (size + 4)]) {
        if (y + shift - size < area.top || y + shift > area.bottom || hits(box(y + shift))) continue;
        row = y + shift;
        break;
      }
      boxes.push(box(row));
      placed.push({ text, x, y: row, align, angle: 0 });
    };
    for (const note of figure.notes ?? []) {
      const x = at.x(note.x);
      const y = at.y(note.y);
      if (note.anchor === "end-above") add(note.text, x - 6, y - 8, "end");
      else if (note.anchor === "slope") {
        const angle = Math.atan2(at.y(note.toward.y) - y, at.x(note.toward.x) - x);
        placed.push({ text: note.text, x: x + 26 * Math.cos(angle) + 8 * Math.sin(angle), y: y + 26 * Math.sin(angle) - 8 * Math.cos(angle), align: "start", angle });
      } else if (x >= area.left - 1 && x <= area.right + 1 && y >= area.top - 1 && y <= area.bottom + 1) {
        const fits = x + 12 + measure(note.text, size, 600) < area.right;
        add(note.text, fits ? x + 12 : x - 12, y + size + 5 < area.bottom ? y + size + 5 : y - 8, fits ? "start" : "end");
      }
    }
    for (const line of figure.lines ?? []) {
      const p = at[line.axis](line.value);
      if (line.axis === "y" && p >= area.top && p <= area.bottom) add(line.text, area.left + 6, p - size - 6 > area.top ? p - 6 : p + size + 4, "start");
      if (line.axis === "x" && p >= area.left && p <= area.right) {
        const fits = p + 6 + measure(line.text, size, 600) < area.right;
        add(line.text, fits ? p + 6 : p - 6, area.bottom - 8, fits ? "start" : "end");
      }
    }
    return placed;
  }

  function niceStep(span, count) {
    const raw = span / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw * 0.999);
  }

  /// {low, high, ticks, map} of an axis over `values`, from pixel `start` to pixel `end`.
  function scale(axis, values, start, end) {
    let low = axis.min ?? Math.min(...values);
    let high = axis.max ?? Math.max(...values);
    if (axis.type === "log") {
      if (axis.min === undefined) low /= 1.3;
      if (axis.max === undefined) high *= 1.3;
      const decades = Math.log10(high / low);
      const ticks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power)
        for (const m of decades < 2 ? [1, 2, 5] : [1]) if (m * 10 ** power >= low && m * 10 ** power <= high) ticks.push(m * 10 ** power);
      return { low, high, ticks, map: (v) => start + (Math.log(v / low) / Math.log(high / low)) * (end - start) };
    }
    if (axis.fromZero) low = 0;
    if (high === low) high = low + (Math.abs(low) || 1);
    const step = axis.step ?? niceStep(high - low, 6);
    if (axis.min === undefined && !axis.fromZero) low = Math.floor((low - 0.02 * (high - low)) / step) * step;
    if (axis.max === undefined) high = Math.ceil((high + 0.02 * (high - low)) / step) * step;
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) ticks.push(i * step);
    return { low, high, ticks, map: (v) => start + ((v - low) / (high - low)) * (end - start) };
  }

  return { FONT, measure, texts, scale };
})();

Dyad.svg = (() => {
  const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const round = (v) => String(Math.round(v * 100) / 100);
  const tag = (name, attributes, content = "") => {
    const text = Object.entries(attributes).filter(([, v]) => v !== undefined).map(([k, v]) => ` ${k}="${typeof v === "number" ? round(v) : escape(v)}"`).join("");
    return content === "" ? `<${name}${text}/>` : `<${name}${text}>${content}</${name}>`;
  };
  const label = (x, y, content, more = {}) => tag("text", { x, y, ...more }, escape(content));

  /// A mark of radius r around (x, y).
  function mark(shape, x, y, r, color) {
    const path = (points) => tag("path", { d: `M${points.map((p) => p.map(round).join(" ")).join("L")}Z`, fill: color, stroke: "#fff", "stroke-width": 0.8 });
    if (shape === "triangle") return path([[x, y - r * 1.15], [x + r * 1.1, y + r * 0.8], [x - r * 1.1, y + r * 0.8]]);
    if (shape === "square") return path([[x - r * 0.85, y - r * 0.85], [x + r * 0.85, y - r * 0.85], [x + r * 0.85, y + r * 0.85], [x - r * 0.85, y + r * 0.85]]);
    if (shape === "diamond") return path([[x, y - r * 1.15], [x + r * 1.15, y], [x, y + r * 1.15], [x - r * 1.15, y]]);
    if (shape === "cross" || shape === "star") {
      const d = r * 0.8;
      const lines = [[-d, -d, d, d], [-d, d, d, -d], ...(shape === "star" ? [[-r, 0, r, 0]] : [])];
      return tag("path", { d: lines.map(([a, b, c, e]) => `M${round(x + a)} ${round(y + b)}L${round(x + c)} ${round(y + e)}`).join(""), stroke: color, "stroke-width": 2, fill: "none" });
    }
    return tag("circle", { cx: x, cy: y, r, fill: color, stroke: "#fff", "stroke-width": 0.8 });
  }

  function legend(series, colors, left, y, width) {
    const out = [];
    let x = left;
    for (const one of series) {
      const step = 34 + Dyad.layout.measure(one.name, 12);
      if (x + step > left + width && x > left) {
        x = left;
        y += 18;
      }
      const color = colors[one.color];
      if (one.line) out.push(tag("path", { d: `M${round(x)} ${round(y - 4)}h16`, stroke: color, "stroke-width": 2 }));
      else if (one.values) out.push(tag("rect", { x, y: y - 10, width: 12, height: 12, rx: 2, fill: color }));
      else out.push(mark(one.shape, x + 6, y - 4, 5, color));
      out.push(label(x + 20, y, one.name, { "font-size": 12, fill: colors.soft }));
      x += step;
    }
    return { text: out.join(""), bottom: y };
  }

  function bars(figure, colors) {
    const stacked = Boolean(figure.series[0].stack);
    const count = figure.categories.length;
    const row = stacked ? (count > 60 ? 13 : 18) : count > 60 ? 18 : 24;
    const fontSize = Math.min(12, row - 2);
    const names = figure.categories.map((name) => Dyad.format.shorten(name, 56));
    const left = 24 + Math.max(...names.map((name) => Dyad.layout.measure(name, fontSize)));
    const width = left + 560 + 40;
    const key = legend(figure.series, colors, 20, 70, width - 40);
    const top = key.bottom + 52;
    const bottom = top + row * count;
    const sums = figure.categories.map((_, i) => figure.series.reduce((sum, s) => (stacked ? sum + (s.values[i] ?? 0) : Math.max(sum, s.values[i] ?? 0)), 0));
    const axis = Dyad.layout.scale(figure.x, sums, left, left + 560);
    const out = [key.text, label(left + 280, top - 28, figure.x.title, { "text-anchor": "middle", "font-size": 12, fill: colors.soft })];
    for (const tick of axis.ticks) {
      out.push(tag("path", { d: `M${round(axis.map(tick))} ${round(top)}V${round(bottom)}`, stroke: colors.grid }));
      out.push(label(axis.map(tick), top - 8, figure.x.format(tick), { "text-anchor": "middle", "font-size": 11, fill: colors.soft }));
    }
    names.forEach((name, i) => {
      const y = top + i * row;
      out.push(tag("text", { x: left - 8, y: y + row / 2 + fontSize * 0.36, "text-anchor": "end", "font-size": fontSize, fill: colors.ink }, tag("title", {}, escape(figure.categories[i])) + escape(name)));
      let sum = 0;
      figure.series.forEach((one, k) => {
        const value = one.values[i];
        if (value === null || value === undefined) return;
        const from = stacked ? sum : 0;
        const height = stacked ? row * 0.74 : (row * 0.8) / figure.series.length;
        const barTop = stacked ? y + row * 0.13 : y + row * 0.1 + k * height;
        out.push(tag("rect", { x: axis.map(from), y: barTop, width: Math.max(0, axis.map(from + value) - axis.map(from)), height: height - (stacked ? 0 : 1), fill: colors[one.color] }));
        if (one.text && row >= 24) out.push(label(axis.map(value) + 4, barTop + height - 2, one.text(value), { "font-size": 9, fill: colors.soft }));
        sum += value;
      });
    });
    return { width, height: bottom + 20, body: out.join("") };
  }

  function scatter(figure, colors) {
    const width = 900;
    const shown = figure.series.filter((one) => !one.hidden);
    const key = legend(shown, colors, 20, 70, width - 40);
    const area = { left: 84, right: width - 30, top: key.bottom + 24, bottom: key.bottom + 450 };
    const points = shown.flatMap((one) => one.points);
    const line = (axis) => figure.lines.filter((one) => one.axis === axis).map((one) => one.value);
    const sx = Dyad.layout.scale(figure.x, [...points.map((p) => p.x), ...line("x")], area.left, area.right);
    const sy = Dyad.layout.scale(figure.y, [...points.map((p) => p.y), ...line("y")], area.bottom, area.top);
    const out = [key.text, tag("clipPath", { id: "area" }, tag("rect", { x: area.left - 6, y: area.top - 6, width: area.right - area.left + 12, height: area.bottom - area.top + 12 }))];
    for (const tick of sx.ticks) {
      out.push(tag("path", { d: `M${round(sx.map(tick))} ${round(area.top)}V${round(area.bottom)}`, stroke: colors.grid }));
      out.push(label(sx.map(tick), area.bottom + 18, figure.x.format(tick), { "text-anchor": "middle", "font-size": 11, fill: colors.soft }));
    }
    for (const tick of sy.ticks) {
      out.push(tag("path", { d: `M${round(area.left)} ${round(sy.map(tick))}H${round(area.right)}`, stroke: colors.grid }));
      out.push(label(area.left - 8, sy.map(tick) + 4, figure.y.format(tick), { "text-anchor": "end", "font-size": 11, fill: colors.soft }));
    }
    out.push(label((area.left + area.right) / 2, area.bottom + 42, figure.x.title, { "text-anchor": "middle", "font-size": 12, fill: colors.soft }));
    const middle = (area.top + area.bottom) / 2;
    out.push(label(22, middle, figure.y.title, { "text-anchor": "middle", "font-size": 12, fill: colors.soft, transform: `rotate(-90 22 ${round(middle)})` }));
    const inside = [];
    for (const one of figure.lines)
      inside.push(tag("path", { d: one.axis === "x" ? `M${round(sx.map(one.value))} ${round(area.top)}V${round(area.bottom)}` : `M${round(area.left)} ${round(sy.map(one.value))}H${round(area.right)}`, stroke: colors.soft, "stroke-dasharray": "5 4" }));
    for (const one of shown.filter((s) => s.line))
      inside.push(tag("path", { d: `M${one.points.map((p) => `${round(sx.map(p.x))} ${round(sy.map(p.y))}`).join("L")}`, fill: "none", stroke: colors[one.color], "stroke-width": 1.6, "stroke-opacity": 0.75 }));
    for (const one of shown.filter((s) => !s.line))
      for (const p of one.points) inside.push(tag("g", {}, tag("title", {}, escape([p.label, ...(p.detail ?? [])].join("\n"))) + mark(one.shape, sx.map(p.x), sy.map(p.y), 5, colors[one.color])));
    for (const note of figure.notes.filter((n) => n.ring)) inside.push(tag("circle", { cx: sx.map(note.x), cy: sy.map(note.y), r: 9, fill: "none", stroke: colors.ink, "stroke-width": 1.6 }));
    out.push(tag("g", { "clip-path": "url(#area)" }, inside.join("")));
    for (const text of Dyad.layout.texts(figure, { x: sx.map, y: sy.map }, area, 12))
      out.push(label(text.x, text.y, text.text, {
        "text-anchor": text.align, "font-size": 12, "font-weight": 600, fill: colors.ink, stroke: colors.surface, "stroke-width": 3, "paint-order": "stroke",
        transform: text.angle ? `rotate(${round((text.angle * 180) / Math.PI)} ${round(text.x)} ${round(text.y)})` : undefined,
      }));
    return { width, height: area.bottom + 64, body: out.join("") };
  }

  /// The text of the SVG file.
  function draw(figure) {
    const colors = Dyad.palette.light;
    const { width, height, body } = figure.kind === "bars" ? bars(figure, colors) : scatter(figure, colors);
    const head = label(20, 28, figure.title, { "font-size": 17, "font-weight": 600, fill: colors.ink }) + label(20, 47, figure.subtitle, { "font-size": 12, fill: colors.soft });
    return tag("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${round(width)} ${round(height)}`, "font-family": Dyad.layout.FONT, role: "img" },
      tag("title", {}, escape(`${figure.title}: ${figure.subtitle}`)) + tag("rect", { width, height, fill: colors.surface }) + head + body);
  }

  /// The same drawing as a PNG data URL, twice as fine as its size in points.
  async function png(figure) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(draw(figure))}`;
    await image.decode();
    const canvas = Dyad.dom.el("canvas", { width: Math.round(2 * image.width), height: Math.round(2 * image.height) });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  }

  return { draw, png, mark };
})();
