// The page: verdict, league table, cards, comparison, places over time, findings, method.

import * as Plot from "@observablehq/plot";
import { card, comparison } from "./card.js";
import { fill, h } from "./dom.js";
import { league, movement } from "./league.js";
import { format, Model } from "./model.js";
import { unpack } from "./numbers.js";

const MOST_LINES = 12;
const MOST_NAMED = 10;

async function begin() {
  const head = JSON.parse(document.getElementById("head").textContent);
  const block = await unpack(document.getElementById("numbers").textContent);
  const model = new Model(head, block);
  const { texts } = head;
  const title = h("h2", { id: "dialog-title" });
  const content = h("div", { class: "content" });
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("header", {}, title, h("button", { type: "button", onclick: () => dialog.close() }, texts.close)), content);
  const show = (heading, element) => {
    title.textContent = heading;
    content.replaceChildren(element);
    if (!dialog.open) dialog.showModal();
    content.scrollTop = 0;
  };
  const open = (unit) => show(`${head.units[unit]} ${head.periods[model.last]}`, card(model, texts, unit));
  const board = league(model, texts, {
    open, compare: (units) => show(texts.compare, comparison(model, texts, units)),
    period: (place) => { board.at(place); verdicts.replaceChildren(...verdict(model, texts, place)); },
  });
  const verdicts = h("ul", { class: "verdict" }, verdict(model, texts, model.last));
  const theme = h("button", { type: "button", onclick: toggle }, texts.theme);
  const print = h("button", { type: "button", onclick: () => window.print() }, texts.print);
  const about = [head.issuer, head.document, head.dated].filter(Boolean).join(" · ");
  const header = h("header", { class: "top" }, h("h1", {}, `${head.title} `, h("span", {}, head.periods[model.last])), about ? h("p", {}, about) : null, h("div", { class: "tools" }, theme, print));
  const main = h("main", {}, verdicts, board.element);
  document.getElementById("page").replaceChildren(header, main, dialog);
  performance.mark("table");
  // What stands below the table is made after it is shown.
  requestAnimationFrame(() => setTimeout(() => {
    main.append(...[longer(head, texts), movements(model, texts), findings(head, texts), method(model, texts)].filter(Boolean), h("footer", {}, head.origin));
    document.body.dataset.ready = "yes";
    follow();
  }));
  function follow() {
    const name = new URLSearchParams(location.hash.slice(1)).get("unit");
    const unit = head.units.indexOf(name);
    if (unit >= 0) open(unit);
  }
  window.addEventListener("hashchange", follow);
}

function toggle() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

function verdict(model, texts, period) {
  const { head } = model;
  const rows = model.rows(period);
  const lines = [];
  const cohorts = [...new Set(rows.map((row) => row.cohort))];
  for (const cohort of cohorts) {
    const ends = bestAndLast(rows.filter((row) => row.cohort === cohort), head, texts);
    lines.push(...(cohorts.length > 1 ? ends.map((line) => fill(texts.inCohort, { cohort: cohort || texts.noCohort, line })) : ends));
  }
  const levels = new Map();
  for (const row of rows) if (row.stars !== null) levels.set(row.stars, (levels.get(row.stars) ?? 0) + 1);
  if (levels.size) lines.push([...levels].sort((a, b) => b[0] - a[0]).map(([stars, number]) => fill(texts.atLevel, { level: model.level(stars), number })).join(texts.semicolon));
  const moved = rows.filter((row) => row.moved).sort((a, b) => b.moved - a.moved);
  if (moved.length && moved[0].moved > 0) lines.push(fill(texts.climbed, { unit: moved[0].name, places: movement(moved[0].moved) }));
  if (moved.length && moved.at(-1).moved < 0) lines.push(fill(texts.fell, { unit: moved.at(-1).name, places: movement(moved.at(-1).moved) }));
  const vetoed = rows.filter((row) => row.veto).length;
  const unrated = head.total ? rows.filter((row) => row.score === null).length : 0;
  if (vetoed) lines.push(fill(texts.vetoed, { number: vetoed }));
  if (unrated) lines.push(fill(texts.unrated, { number: unrated }));
  if (head.findings.length) lines.push(fill(texts.withFindings, { number: head.findings.length }));
  return lines.map((line) => h("li", {}, line));
}

/** Return the lines on the first and the last of the units that are ranked together, with all that share the place. */
function bestAndLast(rows, head, texts) {
  const rated = rows.filter((row) => row.rank !== null).sort((a, b) => a.rank - b.rank);
  if (!rated.length) return [];
  const score = (row) => format(row.score, head.decimals, head.decimals);
  const end = (row, alone, shared) => {
    const units = rated.filter((other) => other.rank === row.rank).map((other) => other.name);
    const named = units.slice(0, MOST_NAMED).join(texts.comma);
    const listed = units.length > MOST_NAMED ? fill(texts.andMore, { units: named, number: units.length - MOST_NAMED }) : named;
    return fill(units.length > 1 ? shared : alone, { unit: listed, units: listed, all: rated.length, score: score(row) });
  };
  const last = rated.at(-1);
  const lines = [end(rated[0], texts.first, texts.firstShared)];
  return last.rank === rated[0].rank ? lines : [...lines, end(last, texts.last, texts.lastShared)];
}

/** Return places over time: a picture for each cohort, as units are ranked within it. */
function movements(model, texts) {
  const { head } = model;
  if (head.periods.length < 2) return null;
  const ranked = model.rows(model.last).filter((row) => row.rank !== null).sort((a, b) => a.rank - b.rank);
  const cohorts = [...new Set(model.rows(model.last).map((row) => row.cohort))].filter((cohort) => ranked.some((row) => row.cohort === cohort));
  const most = Math.max(Math.floor(MOST_LINES / cohorts.length), 3);
  const parts = cohorts.flatMap((cohort) => {
    const chart = bumps(model, ranked.filter((row) => row.cohort === cohort).slice(0, most), texts);
    if (!chart) return [];
    const name = cohort || texts.noCohort;
    const label = cohorts.length > 1 ? `${texts.movement} ${name}` : texts.movement;
    const region = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, chart);
    return cohorts.length > 1 ? [h("h3", {}, name), region] : [region];
  });
  return parts.length ? h("section", {}, h("h2", {}, texts.movement), parts) : null;
}

function grouped(points) {
  const groups = new Map();
  for (const point of points) groups.set(point.rank, [...(groups.get(point.rank) ?? []), point]);
  return groups;
}

/** Return the places of units that are ranked together, as lines; null without any. */
function bumps(model, units, texts) {
  const { head } = model;
  const points = units.flatMap((row) => head.periods.map((label, period) => ({ name: row.name, label, rank: model.row(row.unit, period).rank }))).filter((point) => point.rank !== null);
  if (!points.length) return null;
  // Units that share a place share a label.
  const shared = grouped(points.filter((point) => point.label === head.periods[model.last]));
  const ends = [...shared].map(([rank, same]) => ({ label: same[0].label, rank, name: same.slice(0, 3).map((point) => point.name).join(" · ") + (same.length > 3 ? " …" : "") }));
  const most = Math.max(...points.map((point) => point.rank));
  const chart = Plot.plot({
    width: Math.max(420, Math.min(1000, 110 + 80 * head.periods.length)), height: Math.max(120, 24 * units.length + 60), marginRight: 130,
    ariaLabel: texts.movement,
    x: { type: "point", domain: head.periods, label: null }, y: { reverse: true, domain: [1, most], label: texts.rank, interval: 1, tickFormat: "d" },
    color: { scheme: "observable10" },
    marks: [
      Plot.line(points, { x: "label", y: "rank", z: "name", stroke: "name", strokeWidth: 2 }),
      Plot.dot(points, { x: "label", y: "rank", fill: "name", r: 4 }),
      Plot.text(ends, { x: "label", y: "rank", text: "name", dx: 10, textAnchor: "start", fill: "currentColor" }),
    ],
  });
  // One picture for screen readers: its groups have labels that only such with a role may have.
  chart.setAttribute("role", "img");
  for (const group of chart.querySelectorAll("[aria-label], [aria-description]")) {
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  return chart;
}

function longer(head, texts) {
  if (!head.longer.length) return null;
  const tables = head.longer.map(({ title, headings, rows }) => {
    const head = h("thead", {}, h("tr", {}, headings.map((text) => h("th", { scope: "col" }, text))));
    const body = h("tbody", {}, rows.map((row) => h("tr", {}, row.map((text) => h("td", {}, h("bdi", {}, text))))));
    return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, h("table", {}, h("caption", {}, title), head, body));
  });
  return h("section", { id: "longer" }, h("h2", {}, texts.longer), tables);
}

function findings(head, texts) {
  if (!head.findings.length) return null;
  const headings = [texts.severity, texts.code, texts.note, texts.where, texts.hint];
  const filled = headings.map((_, place) => head.findings.some((finding) => finding[place]));
  const shown = (cells) => cells.filter((_, place) => filled[place]);
  const rows = head.findings.map((finding) => h("tr", {}, shown(finding).map((text) => h("td", {}, text))));
  const table = h("table", { class: "findings" }, h("caption", { class: "hidden" }, texts.findings), h("thead", {}, h("tr", {}, shown(headings).map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows));
  return h("section", {}, h("h2", {}, texts.findings), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": texts.findings }, table));
}

function method(model, texts) {
  const { head } = model;
  const depth = (node) => (node.parent ? 1 + depth(head.nodes.find((other) => other.name === node.parent)) : 0);
  const rows = head.nodes.map((node) =>
    h("tr", { class: node.pillar ? "pillar" : "" }, h("th", { scope: "row", style: `padding-inline-start: ${0.6 + 1.2 * depth(node)}rem` }, node.title), h("td", { class: "number" }, node.weight), h("td", {}, node.words), h("td", {}, node.target ?? ""), h("td", {}, node.rule ?? ""), h("td", {}, node.clause ?? "")),
  );
  const headings = [texts.indicator, texts.weight, texts.formula, texts.target, texts.scoring, texts.source];
  const table = h("table", {}, h("caption", { class: "hidden" }, texts.method), h("thead", {}, h("tr", {}, headings.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows));
  const notes = h("dl", {}, head.notes.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
  return h("section", {}, h("h2", {}, texts.method), h("details", {}, h("summary", {}, texts.details), notes, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": texts.method }, table)));
}

begin();
