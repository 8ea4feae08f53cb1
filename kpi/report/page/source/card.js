// The card of a unit: its total, and the tree from the level down to figures and the number of rows behind them.

import { fill, h } from "./dom.js";
import { five, sparkline, spread, targetBar } from "./graphics.js";
import { movement, signed } from "./league.js";
import { format } from "./model.js";

export function card(model, texts, unit) {
  const { head } = model;
  const row = model.row(unit, model.last);
  const worded = words(texts);
  // Those who are ranked together.
  const peers = model.rows(model.last).filter((other) => other.cohort === row.cohort).map((other) => other.unit);
  const facts = !head.total ? [] : [
    [texts.rank, row.rank === null ? "—" : `${row.rank} ${movement(row.moved)}`],
    [texts.score, `${format(row.score, head.decimals, head.decimals)} ${signed(row.change, head.decimals)}`],
    ...(head.levels ? [[Object.keys(head.levels.names).length ? texts.level : texts.stars, model.level(row.stars)]] : []),
    [texts.coverage, row.coverage === null ? "—" : `${format(row.coverage, 1)} %`],
    ...(row.veto ? [[texts.note, row.veto]] : []),
    ...(row.score === null ? [[texts.note, row.status]] : []),
  ];
  const next = model.next(row);
  const group = ranked(peers.map((place) => model.row(place, model.last).score), row.score, true);
  const history = head.periods.map((_, period) => model.row(unit, period).score);
  const trend = `${texts.trend}: ${history.map((value) => format(value, head.decimals)).join(", ")}`;
  const known = history.filter((value) => value !== null);
  const top = h("div", { class: "facts" }, h("dl", {}, facts.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))));
  if (next) top.append(h("p", {}, next.points > 0 ? fill(texts.toNext, { points: format(next.points, head.decimals, head.decimals), level: next.level }) : fill(texts.otherwise, { level: next.level })));
  if (head.changes[unit]) top.append(h("p", {}, head.changes[unit]));
  if (head.total && group.known.length > 1) {
    const words = ofPeers(group, (value) => format(value, head.decimals, head.decimals));
    top.append(h("p", { class: "peers" }, spread(group.parts, row.score, words), " ", words));
  }
  if (known.length > 1) top.append(sparkline(history, trend, Math.min(...known), Math.max(...known)));
  const trees = model.children(null).map((node) => branch(node, 0));
  const unused = model.children("");
  const added = head.adjustments.filter((item) => item.unit === unit);
  const extras = added.length
    ? h("section", {}, h("h3", {}, texts.adjustments), h("ul", {}, added.map((item) => h("li", {}, `${item.title}: ${signed(item.points, 2)}`))))
    : null;
  const others = unused.length ? h("section", {}, h("h3", {}, texts.unused), unused.map((node) => branch(node, 0))) : null;
  return h("article", { class: "card" }, top, trees, extras, others);

  // Where a value is suppressed, the place among the others is not that of the unit.
  function ranked(values, own, higher) {
    const result = five(values, own, higher);
    return head.suppressed && result.known.length < values.length ? { ...result, place: null } : result;
  }

  function ofPeers({ known, parts, place }, written) {
    const [least, lower, middle, upper, greatest] = parts.map(written);
    const words = fill(texts.five, { least, lower, middle, upper, greatest });
    return place === null ? fill(texts.noPlace, { number: known.length, words }) : fill(texts.placed, { place, number: known.length, words });
  }

  function branch(node, depth) {
    return node.pillar ? pillar(node, depth) : indicator(node);
  }

  function pillar(node, depth) {
    const score = model.of(node, "scores", unit);
    const points = model.of(node, "points", unit);
    const summary = h("summary", {}, h("strong", {}, node.title), h("span", { class: "sum" }, model.scored(node, unit, texts, score), points === null ? "" : ` · ${texts.points} ${format(points, 2, 2)}`, node.weight ? ` · ${texts.weight} ${node.weight}` : ""));
    const words = [node.words, node.note].filter(Boolean).join(texts.semicolon);
    return h("details", { class: "pillar", open: depth === 0 }, summary, words ? h("p", { class: "words" }, words) : null, model.children(node.name).map((child) => branch(child, depth + 1)));
  }

  function indicator(node) {
    const value = model.of(node, "values", unit);
    const status = model.status(node, "status", unit) || model.status(node, "scored", unit);
    const score = model.of(node, "score", unit);
    const points = model.of(node, "points", unit);
    const attained = node.attainment ? model.of(node, "attainment", unit) : null;
    const due = node.schedule ? model.of(node, "schedule", unit) : null;
    const light = ["", texts.green, texts.yellow, texts.red][node.light ? model.of(node, "light", unit) ?? 0 : 0];
    const shown = value === null ? status || "—" : worded(value, node.unit);
    const own = ranked(peers.map((place) => model.of(node, "values", place)), value, node.better === "higher");
    const among = own.known.length > 1 ? ofPeers(own, (one) => worded(one, node.unit)) : "";
    const line = h(
      "summary", {},
      h("span", { class: "title" }, node.title), h("span", { class: "value" }, shown),
      h("span", { class: "score" }, score === null ? (node.rule ? status || texts.noScore : "") : model.scored(node, unit, texts, score)),
      h("span", { class: "points" }, points === null ? "" : `${texts.points} ${format(points, 2, 2)}`),
      attained === null ? h("span") : targetBar(attained, due, `${texts.attainment} ${format(attained, 1)} %${due === null ? "" : `, ${texts.schedule} ${format(due, 1)} %`}`),
      among ? spread(own.parts, value, among) : h("span"),
      trendOf(node), h("span", { class: "light" }, light),
    );
    const facts = [
      [texts.formula, node.words], [texts.target, node.target], [texts.scoring, node.rule], [texts.weight, node.weight],
      ["", node.better === "higher" ? texts.higher : texts.lower], [texts.peers, among], [texts.clause, node.clause], [texts.lead, node.lead], [texts.note, node.note], ["", status],
    ];
    if (node.doubt) facts.push([head.levels && Object.keys(head.levels.names).length ? texts.level : texts.stars, node.doubts[model.of(node, "doubt", unit) ?? 0]]);
    const figures = head.measures.filter((measure) => node.of.includes(measure.name) && measure.values);
    return h(
      "details", { class: "indicator" }, line,
      h("dl", {}, facts.filter(([, text]) => text).map(([name, text]) => h("div", {}, h("dt", {}, name || " "), h("dd", {}, text)))),
      figures.length ? h("table", {}, h("caption", {}, texts.figures), h("thead", {}, h("tr", {}, h("th", { scope: "col" }, texts.figures), h("th", { scope: "col", class: "number" }, texts.value), h("th", { scope: "col", class: "number" }, texts.rows))), h("tbody", {}, figures.map(figure))) : null,
    );
  }

  function figure(measure) {
    const value = model.of(measure, "values", unit);
    const text = value === null ? model.status(measure, "status", unit) || "—" : worded(value, measure.unit);
    return h("tr", {}, h("th", { scope: "row" }, measure.title), h("td", { class: "number" }, text), h("td", { class: "number" }, format(model.of(measure, "rows", unit))));
  }

  function trendOf(node) {
    if (!node.scores || head.periods.length < 2 || node.scores[1] <= model.many) return h("span");
    const scores = head.periods.map((_, period) => model.of(node, "scores", unit, period));
    if (scores.every((score) => score === null)) return h("span");
    return sparkline(scores, `${texts.trend}: ${scores.map((score) => format(score, 1)).join(", ")}`, 0, model.full(node, unit) ?? 100);
  }
}

/** Return a function that writes a value with its unit; done or not in words. */
function words(texts) {
  return (value, unit) => {
    if (value === null) return "—";
    if (unit === "是/否") return value ? texts.yes : texts.no;
    return `${format(value)} ${unit}`;
  };
}

/** Return a table of the indicators of two to four units beside one another. */
export function comparison(model, texts, units) {
  const { head } = model;
  const worded = words(texts);
  const rows = head.nodes.filter((node) => node.parent !== "");
  const cells = (node) => units.map((unit) => {
    const score = model.score(node, unit);
    const value = node.pillar ? "" : worded(model.of(node, "values", unit), node.unit);
    return h("td", { class: "number" }, node.pillar ? format(score, 2, 2) : value, node.pillar ? null : h("small", {}, ` ${format(score, 2)}`));
  });
  const gap = (node) => {
    const scores = units.map((unit) => model.score(node, unit)).filter((score) => score !== null);
    return h("td", { class: "number" }, scores.length > 1 ? format(Math.max(...scores) - Math.min(...scores), 2) : "—");
  };
  const total = !head.total ? [] : units.map((unit) => h("td", { class: "number" }, format(model.row(unit, model.last).score, head.decimals, head.decimals)));
  return h(
    "div", { class: "scroll", tabindex: 0, role: "region", "aria-label": texts.compare },
    h("table", { class: "compare" }, h("caption", {}, texts.compare),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, texts.indicator), units.map((unit) => h("th", { scope: "col", class: "number" }, h("bdi", {}, head.units[unit]))), h("th", { scope: "col", class: "number" }, texts.difference))),
      h("tbody", {}, head.total ? h("tr", { class: "pillar" }, h("th", { scope: "row" }, texts.total), total, h("td")) : [], rows.map((node) => h("tr", { class: node.pillar ? "pillar" : "" }, h("th", { scope: "row" }, model.headed(node, texts)), cells(node), gap(node)))),
    ),
  );
}
