// Numbers with their units, names that fit, and DOM elements made without parsing markup.
"use strict";
window.Dyad = {};

Dyad.format = (() => {
  const LADDERS = {
    time: [[1e-3, "ns"], [1, "µs"], [1e3, "ms"], [1e6, "s"]],
    energy: [[1, "pJ"], [1e3, "nJ"], [1e6, "µJ"], [1e9, "mJ"], [1e12, "J"]],
    size: [[1 / 1048576, "B"], [1 / 1024, "KiB"], [1, "MiB"], [1024, "GiB"]],
    bops: [[1e-3, "M"], [1, "G"], [1e3, "T"]],
    bits: [[1, "bit"], [1024, "Kibit"], [1048576, "Mibit"]],
    count: [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"], [1e15, "P"]],
  };

  /// The largest step of the ladder that leaves `largest` at 1 or more: {factor, unit}.
  function unitFor(kind, largest) {
    let found = LADDERS[kind][0];
    for (const step of LADDERS[kind]) if (Math.abs(largest) >= step[0] * 0.9995) found = step;
    return { factor: found[0], unit: found[1] };
  }

  /// At least `digits` significant digits, whole numbers kept whole, thousands grouped.
  function significant(value, digits = 3) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    if (value === 0) return "0";
    const size = Math.floor(Math.log10(Math.abs(value)));
    if (size < -4) return value.toExponential(digits - 1);
    const decimals = Math.max(0, digits - 1 - size);
    return grouped(value, Math.min(decimals, 6));
  }

  function grouped(value, decimals = 0) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
  }

  function quantity(kind, value, digits = 3) {
    if (value === null || value === undefined) return "–";
    const { factor, unit } = unitFor(kind, value);
    return `${significant(value / factor, digits)} ${unit}`.trim();
  }

  const percent = (fraction, decimals = 1) => (fraction === null || fraction === undefined ? "–" : `${grouped(100 * fraction, decimals)} %`);
  const accuracy = (value) => (value === null || value === undefined ? "–" : `${grouped(value, 2)} %`);
  const signed = (value, decimals) => (value > 0 ? "+" : value < 0 ? "−" : "±") + grouped(Math.abs(value), decimals);
  const plural = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;

  /// A name of at most `length` characters; the middle gives way, since both ends tell layers apart.
  function shorten(name, length) {
    const letters = Array.from(name);
    if (letters.length <= length) return name;
    const tail = Math.ceil((length - 1) * 0.6);
    return letters.slice(0, length - 1 - tail).join("") + "…" + letters.slice(letters.length - tail).join("");
  }

  /// RFC 4180: CRLF, quotes doubled.
  function csv(columns, rows) {
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  return { unitFor, significant, grouped, quantity, percent, accuracy, signed, plural, shorten, csv };
})();

Dyad.dom = (() => {
  /// An element with attributes and children; strings become text, never markup.
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "style") Object.assign(node.style, value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  }

  const byId = (id) => document.getElementById(id);
  const fill = (id, ...children) => byId(id).replaceChildren(...children.flat().filter(Boolean));

  /// Hands a file to the reader. A test replaces this function to see the content.
  function save(name, type, content) {
    const url = typeof content === "string" && content.startsWith("data:") ? content : URL.createObjectURL(new Blob([content], { type }));
    const link = el("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    if (url.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  return { el, byId, fill, save };
})();
