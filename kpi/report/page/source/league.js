// The league table: sorted, searched and filtered by the library TanStack Table, written as a plain HTML table.

import { createTable, getCoreRowModel, getFilteredRowModel, getSortedRowModel } from "@tanstack/table-core";
import { fill, h } from "./dom.js";
import { format } from "./model.js";

const PAGE = 100;

export function league(model, texts, actions) {
  const { head } = model;
  let period = model.last;
  let shown = PAGE;
  let state = { sorting: head.total ? [{ id: "rank", desc: false }] : [], globalFilter: "", columnFilters: [], columnPinning: {} };
  const decimals = head.decimals;
  const apart = new Set(model.rows(period).map((row) => row.cohort)).size > 1;
  const columns = [
    { id: "rank", header: texts.rank, number: true, cell: (row) => (row.rank === null ? "—" : String(row.rank)) },
    { id: "moved", header: texts.moved, number: true, cell: (row) => movement(row.moved) },
    { id: "name", header: head.entityTitle, cell: (row) => row.name },
    ...(apart ? [{ id: "cohort", header: texts.cohort, cell: (row) => row.cohort || texts.noCohort }] : []),
    { id: "score", header: texts.score, number: true, cell: (row) => format(row.score, decimals, decimals) },
    ...(head.levels ? [{ id: "stars", header: Object.keys(head.levels.names).length ? texts.level : texts.stars, cell: (row) => model.level(row.stars) }] : []),
    { id: "change", header: texts.change, number: true, cell: (row) => signed(row.change, decimals) },
    ...(model.spans ? [
      { id: "places", header: texts.places, number: true, value: (row) => row.low, cell: (row) => row.places },
      { id: "scores", header: texts.scores, number: true, value: (row) => row.score, cell: (row) => row.scores },
      { id: "probabilities", header: texts.probabilities, cell: (row) => row.probabilities },
    ] : []),
    ...model.tops.map((node, place) => ({
      id: `pillar${place}`, header: model.headed(node, texts), number: true, value: (row) => row.pillars[place], cell: (row) => format(row.pillars[place], 2, 2),
    })),
    { id: "coverage", header: texts.coverage, number: true, cell: (row) => (row.coverage === null ? "—" : `${format(row.coverage, 1, 1)} %`) },
    { id: "note", header: texts.note, value: (row) => row.veto || row.status, cell: (row) => row.veto || (row.score === null ? row.status : "") },
  ];
  const always = head.total ? ["rank", "name", "score"] : ["name"];
  const kept = columns.filter((column) => always.includes(column.id) || used(column));

  function used(column) {
    return model.rows(period).some((row) => !["", "—"].includes(column.cell(row)));
  }

  let data = model.rows(period);
  const table = createTable({
    data,
    columns: [
      ...kept.map((column) => ({
        id: column.id, accessorFn: (row) => (column.value ? column.value(row) : row[column.id]) ?? undefined,
        sortUndefined: "last", sortDescFirst: false, enableGlobalFilter: column.id === "name",
        ...(column.number ? { sortingFn: "basic" } : {}), ...(column.id === "cohort" ? { filterFn: "equalsString" } : {}),
      })),
      ...(apart ? [] : [{ id: "cohort", accessorFn: (row) => row.cohort, filterFn: "equalsString", enableGlobalFilter: false }]),
      { id: "level", accessorFn: (row) => model.level(row.stars), filterFn: "equalsString", enableGlobalFilter: false },
    ],
    state,
    globalFilterFn: (row, _, text) => `${row.original.name} ${row.original.code}`.toLowerCase().includes(String(text).trim().toLowerCase()),
    onStateChange: (change) => {
      state = typeof change === "function" ? change(state) : change;
      table.setOptions((options) => ({ ...options, state }));
      draw();
    },
    getCoreRowModel: getCoreRowModel(), getSortedRowModel: getSortedRowModel(), getFilteredRowModel: getFilteredRowModel(),
    renderFallbackValue: null,
  });
  state = { ...table.initialState, ...state };
  table.setOptions((options) => ({ ...options, state }));

  const body = h("tbody");
  const chosen = new Set();
  const count = h("p", { class: "count", role: "status", "aria-live": "polite" });
  const more = h("button", { type: "button", class: "more", onclick: () => { shown += 5 * PAGE; draw(); } }, texts.more);
  const heads = new Map(
    kept.map((column) => {
      const button = h("button", { type: "button", onclick: () => table.getColumn(column.id).toggleSorting() }, column.header);
      return [column.id, h("th", { scope: "col", class: column.number ? "number" : "" }, button)];
    }),
  );
  const compare = h("button", { type: "button", disabled: true, onclick: () => actions.compare([...chosen], period) }, texts.compare);

  const search = h("input", { type: "search", id: "search", oninput: (event) => table.setGlobalFilter(event.target.value) });
  const tools = h("div", { class: "tools" }, label(texts.search, search));
  tools.append(choice(texts.period, head.periods, model.last, (place) => actions.period(place), false));
  const cohorts = head.league.cohorts.filter(Boolean);
  if (cohorts.length > 1) tools.append(choice(texts.cohort, cohorts, -1, (place) => table.getColumn("cohort").setFilterValue(cohorts[place]), true));
  const levels = h("span", { class: "levels" });
  tools.append(levels);
  tools.append(compare);

  function label(words, control) {
    return h("label", {}, h("span", {}, words), control);
  }

  function choice(words, names, chosenPlace, action, withAll) {
    const select = h("select", { onchange: (event) => action(event.target.value === "" ? undefined : Number(event.target.value)) });
    if (withAll) select.append(h("option", { value: "" }, texts.all));
    names.forEach((name, place) => select.append(h("option", { value: place, selected: place === chosenPlace }, name)));
    return label(words, select);
  }

  /** Offer the levels of the period shown; a chosen level that nobody has in it is not chosen any more. */
  function offerLevels() {
    const names = [...new Set(data.map((row) => row.stars).filter((stars) => stars !== null))].sort((a, b) => b - a).map((stars) => model.level(stars));
    const chosenPlace = names.indexOf(table.getColumn("level").getFilterValue());
    if (chosenPlace < 0) table.getColumn("level").setFilterValue(undefined);
    const words = head.levels && Object.keys(head.levels.names).length ? texts.level : texts.stars;
    levels.replaceChildren(...(names.length > 1 || chosenPlace >= 0 ? [choice(words, names, chosenPlace, (place) => table.getColumn("level").setFilterValue(names[place]), true)] : []));
  }

  function draw() {
    const rows = table.getRowModel().rows;
    for (const [id, cell] of heads) {
      const sorted = table.getColumn(id).getIsSorted();
      cell.setAttribute("aria-sort", sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : "none");
    }
    const visible = rows.slice(0, shown);
    body.replaceChildren(...visible.map((row) => line(row.original)));
    count.textContent = fill(texts.shown, { number: visible.length, all: data.length });
    more.hidden = visible.length === rows.length;
  }

  function line(row) {
    const box = h("input", {
      type: "checkbox", "aria-label": `${texts.compare}: ${row.name}`, ...(chosen.has(row.unit) ? { checked: true } : {}),
      onchange: (event) => {
        if (event.target.checked) chosen.add(row.unit);
        else chosen.delete(row.unit);
        compare.disabled = chosen.size < 2 || chosen.size > 4;
      },
    });
    const cells = kept.map((column) => {
      if (column.id === "name") {
        const button = h("button", { type: "button", class: "unit", "aria-label": fill(texts.open, { unit: row.name }), onclick: () => actions.open(row.unit, period) }, row.name);
        return h("th", { scope: "row" }, h("bdi", {}, button));
      }
      const text = column.cell(row);
      const kind = column.id === "moved" || column.id === "change" ? (text.startsWith("▲") || text.startsWith("+") ? "up" : /^[▼−]/.test(text) ? "down" : "") : "";
      return h("td", { class: `${column.number ? "number" : ""} ${column.id === "stars" ? "stars" : ""} ${column.id === "cohort" ? "words" : ""} ${kind}` }, text);
    });
    return h("tr", {}, h("td", { class: "choose" }, box), cells);
  }

  const caption = h("caption");
  const grid = h("table", {}, caption, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "hidden" }, texts.compare)), [...heads.values()])), body);

  function at(place) {
    period = place;
    data = model.rows(period);
    caption.textContent = `${head.title} ${head.periods[period]}`;
    table.setOptions((options) => ({ ...options, data }));
    offerLevels();
    draw();
  }

  at(period);
  const region = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": texts.league }, grid);
  return { element: h("section", { id: "league", tabindex: -1 }, h("h2", {}, texts.league), tools, region, count, more), at };
}

export function movement(places) {
  if (places === null || places === undefined) return "";
  return places > 0 ? `▲${places}` : places < 0 ? `▼${-places}` : "＝";
}

export function signed(value, decimals) {
  if (value === null || value === undefined) return "";
  const text = format(Math.abs(value), decimals, decimals);
  return value > 0 ? `+${text}` : value < 0 ? `−${text}` : text;
}
