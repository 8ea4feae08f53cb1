// Small pictures inside tables. Each has a text that says what it shows.

import { s } from "./dom.js";

/** Return a line of values over the periods, with a point on the last. */
export function sparkline(values, label, low = 0, high = 100) {
  const [width, height] = [90, 22];
  const step = values.length > 1 ? (width - 6) / (values.length - 1) : 0;
  const y = (value) => height - 3 - ((value - low) / (high - low || 1)) * (height - 6);
  const points = values.map((value, place) => (value === null ? null : [3 + place * step, y(value)]));
  let path = "";
  points.forEach((point, place) => {
    if (point) path += `${place && points[place - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
  });
  const last = points.findLast((point) => point);
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "spark", role: "img", "aria-label": label });
  picture.append(s("path", { d: path, class: "line" }));
  if (last) picture.append(s("circle", { cx: last[0], cy: last[1], r: 2.5, class: "end" }));
  return picture;
}

/** Return a bar of what is reached of a target, with a mark for what is due by now. */
export function targetBar(attained, due, label) {
  const [width, height] = [110, 14];
  const x = (percent) => Math.max(0, Math.min(100, percent)) * (width / 100);
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "target", role: "img", "aria-label": label });
  picture.append(s("rect", { x: 0, y: 3, width, height: height - 6, rx: 2, class: "whole" }));
  picture.append(s("rect", { x: 0, y: 3, width: x(attained), height: height - 6, rx: 2, class: attained >= 100 ? "good" : due !== null && attained < due ? "short" : "under" }));
  if (due !== null) picture.append(s("line", { x1: x(due), x2: x(due), y1: 0, y2: height, class: "due" }));
  return picture;
}

/** Return the minimum, the quartiles (interpolated linearly) and the maximum of values, and the place of one of them. */
export function five(values, own, higher) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const part = (share) => {
    const at = share * (known.length - 1);
    const below = known[Math.floor(at)];
    return below + (known[Math.ceil(at)] - below) * (at % 1);
  };
  const better = known.filter((value) => (higher ? value > own : value < own)).length;
  return { known, parts: [0, 0.25, 0.5, 0.75, 1].map(part), place: own === null ? null : better + 1 };
}

/** Return the span of the values of the peers, the box between the quartiles, the median, and the place of one of them. */
export function spread(parts, own, label) {
  const [width, height] = [110, 14];
  const [low, lower, middle, upper, high] = parts;
  const x = (value) => (high > low ? 4 + ((value - low) / (high - low)) * (width - 8) : width / 2);
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "spread", role: "img", "aria-label": label });
  picture.append(s("line", { x1: 4, x2: width - 4, y1: height / 2, y2: height / 2, class: "span" }));
  picture.append(s("rect", { x: x(lower), y: 4, width: Math.max(x(upper) - x(lower), 1), height: height - 8, class: "box" }));
  picture.append(s("line", { x1: x(middle), x2: x(middle), y1: 2, y2: height - 2, class: "median" }));
  if (own !== null) picture.append(s("circle", { cx: x(own), cy: height / 2, r: 4, class: "own" }));
  return picture;
}
