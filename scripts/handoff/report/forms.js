"use strict";
// How the cells of a table are written: for a reader on the page, and as CSV, Markdown or LaTeX. It touches no page.

// Numbers as the rest of the page writes them (words.py).

const digits = (value, decimals) =>
  value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

function seconds(value) {
  for (const [factor, unit] of [[1, "s"], [1e3, "ms"], [1e6, "µs"]]) {
    const rounded = Number((value * factor).toPrecision(3));
    const whole = String(Math.trunc(Math.abs(rounded))).length;
    if (Math.abs(rounded) >= 1) return `${digits(rounded, Math.max(0, 3 - whole))} ${unit}`;
  }
  return value ? `${(value * 1e9).toFixed(0)} ns` : "0 s";
}

function bytes(value) {
  let unit = "B";
  for (const larger of ["KiB", "MiB", "GiB", "TiB"]) {
    if (Math.abs(value) < 1024) break;
    [value, unit] = [value / 1024, larger];
  }
  return `${value.toFixed(Number.isInteger(value) ? 0 : 1)} ${unit}`;
}

function ratio(value) {
  const small = Math.abs(Number(value.toPrecision(2)));
  if (small > 0 && small < 0.1) return value.toFixed(Math.min(100, 1 - Math.floor(Math.log10(small))));
  for (const [decimals, end] of [[2, 10], [1, 100]]) {
    if (Math.abs(Number(value.toFixed(decimals))) < end) return value.toFixed(decimals);
  }
  return digits(value, 0);
}

const FORMS = {
  seconds, bytes, ratio,
  speed: (value) => `${bytes(value)}/s`,
  count: (value) => digits(value, 0),
  number: (value) => String(Number(value.toPrecision(4))),
};
const counted = (count, noun) => `${digits(count, 0)} ${noun}${count === 1 ? "" : "s"}`;

// A table in three languages. Columns are those of page.js: name, title, number, value(row), shown(row).

const csvCell = (value, number) => {
  let text = value === null ? "" : String(value);
  if (!number && /^[=+\-@\t\r]/.test(text)) text = `'${text}`; // else a spreadsheet would compute it
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const markdownCell = (text) =>
  text.replace(/\s+/g, " ").replace(/[\\`*[\]|~]|(?<!\w)_|_(?!\w)/g, "\\$&").replace(/[&<>]/g, (sign) => ENTITIES[sign]);
const TEX = {
  "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
  ">": "\\textgreater{}", "|": "\\textbar{}", '"': "\\textquotedbl{}", "[": "{[}", "]": "{]}", "–": "--", "µ": "\\textmu{}",
  "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", _: "\\_", "%": "\\%",
};
const latexCell = (text) => text.replace(/\s+/g, " ").replace(/[\\~^<>|"[\]–µ{}$&#_%]/g, (sign) => TEX[sign]);

const WRITERS = {
  CSV(columns, rows) {
    const lines = rows.map((row) => columns.map((each) => csvCell(each.value(row), each.number)).join(","));
    return [columns.map((each) => csvCell(each.name)).join(","), ...lines, ""].join("\n");
  },
  Markdown(columns, rows) {
    const line = (cells) => `| ${cells.join(" | ")} |`;
    const head = [line(columns.map((each) => markdownCell(each.title))), line(columns.map((each) => (each.number ? "---:" : "---")))];
    return [...head, ...rows.map((row) => line(columns.map((each) => markdownCell(each.shown(row))))), ""].join("\n");
  },
  LaTeX(columns, rows) {
    const line = (cells) => `${cells.join(" & ")} \\\\`;
    const head = line(columns.map((each) => latexCell(each.title)));
    const body = rows.map((row) => line(columns.map((each) => latexCell(each.shown(row)))));
    const places = columns.map((each) => (each.number ? "r" : "l")).join("");
    return [`\\begin{tabular}{${places}}`, "\\hline", head, "\\hline", ...body, "\\hline", "\\end{tabular}", ""].join("\n");
  },
};
