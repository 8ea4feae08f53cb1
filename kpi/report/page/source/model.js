// The contents of the page by unit, period and node.

import { fill } from "./dom.js";
import { column } from "./numbers.js";

export class Model {
  constructor(head, block) {
    this.head = head;
    this.many = head.units.length;
    this.last = head.periods.length - 1;
    this.read = (where) => column(block, where);
    const league = head.league;
    this.league = Object.fromEntries(
      ["score", "rank", "stars", "moved", "change", "coverage", "cohort", "veto", "status"].map((key) => [key, this.read(league[key])]),
    );
    this.spans = league.rankLow ? Object.fromEntries(["rankLow", "rankHigh", "scoreLow", "scoreHigh"].map((key) => [key, this.read(league[key])])) : null;
    this.probabilities = (league.probabilities ?? []).map(([level, where]) => [level, this.read(where)]);
    this.tops = head.nodes.filter((node) => node.parent === null);
    this.columns = new Map();
  }

  /** Return the number of a node: `what` names its column; columns over all periods need the period. */
  of(node, what, unit, period = null) {
    const key = `${node.name}.${what}`;
    if (!this.columns.has(key)) this.columns.set(key, this.read(node[what]));
    const whole = node[what] && node[what][1] > this.many;
    return this.columns.get(key)(whole ? (period ?? this.last) * this.many + unit : unit);
  }

  /** Return the row of the league table of a unit in a period. */
  row(unit, period) {
    const place = period * this.many + unit;
    const get = (key) => this.league[key](place);
    const { head } = this;
    return {
      unit, name: head.units[unit], code: head.codes[unit] ?? "", score: get("score"), rank: get("rank"),
      stars: get("stars"), moved: get("moved"), change: get("change"), coverage: get("coverage"),
      cohort: head.league.cohorts[get("cohort")] ?? "", veto: head.league.vetoes[get("veto")] ?? "",
      ...this.intervals(place),
      status: head.total ? (Object.values(head.statuses)[get("status")] ?? "") : "",
      pillars: this.tops.map((node) => this.score(node, unit, period)),
    };
  }

  /** Return how far the place and the score of a row hold, as texts; nothing where that was not asked for. */
  intervals(place) {
    if (!this.spans) return {};
    const { decimals } = this.head;
    const span = (low, high, least) => {
      const ends = [low, high].map((key) => this.spans[key](place));
      if (ends[0] === null) return "";
      const [from, to] = ends.map((value) => format(value, Math.max(least, 2), least));
      return from === to ? from : `${from}–${to}`;
    };
    const likely = this.probabilities.map(([level, read]) => [level, read(place)]).filter(([, percent]) => percent !== null && percent >= 0.5);
    return {
      low: this.spans.rankLow(place), places: span("rankLow", "rankHigh", 0), scores: span("scoreLow", "scoreHigh", decimals),
      probabilities: likely.map(([level, percent]) => `${level}: ${format(percent, 0)} %`).join(", "),
    };
  }

  /** Return the score of a node in a period: of indicators that of the last is exact, those before are for lines. */
  score(node, unit, period = this.last) {
    return node.pillar || period !== this.last ? this.of(node, "scores", unit, period) : this.of(node, "score", unit);
  }

  /** Return the full marks of a node for a unit, null where scores are in percent. */
  full(node, unit) {
    return node.full ?? (node.fulls ? this.of(node, "fulls", unit) : null);
  }

  /** Return a score in words: percent of full marks, or marks of those that can be had. */
  scored(node, unit, texts, score = this.score(node, unit)) {
    const full = this.full(node, unit);
    return full === null || score === null ? `${texts.score} ${format(score, 2, 2)}` : fill(texts.ofMarks, { marks: format(score, 2, 2), full: format(full, 2) });
  }

  /** Return the title of a node with its full marks, where these are the same for all. */
  headed(node, texts) {
    return node.full === undefined ? node.title : fill(texts.withMarks, { title: node.title, full: format(node.full, 2) });
  }

  rows(period) {
    return Array.from({ length: this.many }, (_, unit) => this.row(unit, period));
  }

  children(name) {
    return this.head.nodes.filter((node) => node.parent === name);
  }

  status(node, what, unit) {
    const place = this.of(node, what, unit);
    const [key, words] = Object.entries(this.head.statuses)[place] ?? ["ok", ""];
    return key === "ok" ? "" : words;
  }

  level(stars) {
    const { levels } = this.head;
    if (!levels || stars === null) return "";
    const name = levels.names[String(stars)];
    if (name) return name;
    if (stars === 0 && Object.keys(levels.names).length) return this.head.texts.noLevel;
    return "★".repeat(Math.floor(stars)) + (stars % 1 ? "½" : "") + "☆".repeat(Math.max(0, 5 - Math.ceil(stars)));
  }

  /**
   * Return the points that a total lacks to the next level, and the level: to its cut point, else to the lowest total of
   * the peers at the lowest level above; null where there is none.
   */
  next(row) {
    if (row.stars === null || row.score === null) return null;
    const cuts = Object.entries(this.head.levels?.cuts ?? {}).map(([level, cut]) => [Number(level), Number(cut)]);
    const group = this.head.levels?.groups;
    const others = cuts.length ? [] : this.rows(this.last).filter((other) => other.stars !== null && other.score !== null && (!group || group[other.unit] === group[row.unit]));
    const above = (cuts.length ? cuts : others.map((other) => [other.stars, other.score])).filter(([level]) => level > row.stars);
    if (!above.length) return null;
    const level = Math.min(...above.map(([step]) => step));
    const needed = Math.min(...above.filter(([step]) => step === level).map(([, total]) => total));
    return { points: needed - row.score, level: this.level(level) };
  }
}

/** Format a number with as many decimals as it has, at most `most`, and groups of thousands. */
export function format(value, most = 6, least = 0) {
  if (value === null || value === undefined) return "—";
  return value.toLocaleString("en-US", { maximumFractionDigits: most, minimumFractionDigits: least });
}
