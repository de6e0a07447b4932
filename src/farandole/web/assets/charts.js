// The curves of the page /system: reads the statistics again and again, and draws them with uPlot.
"use strict";

const curves = document.querySelector("[data-statistics]");
const told = curves.querySelector("[data-told]");
const minutes = curves.querySelector("[data-minutes]");
const EVERY = 5000;
const HEIGHT = 220;
const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shade = (place, all) => `hsl(${Math.round((360 * place) / all)} 60% 50%)`;
const quantiles = (of) => [["p50", of.p50, "--good"], ["p95", of.p95, "--wait"], ["p99", of.p99, "--bad"]];

const series = {
  placed: (found) => [["placed", found.placed, "--accent"]],
  ended: (found) => [
    ["COMPLETED", found.ended.happy, "--good"],
    ["PAYMENT_FAILED", found.ended["payment-failure"], "--bad"],
    ["FAILED", found.ended["stock-failure"], "--wait"],
  ],
  latency: (found) => quantiles(found.latency),
  steps: (found) => found.steps
    .filter((step) => step.heard)
    .map((step, place, all) => [`${step.service}: ${step.step} (${step.heard})`, step.latency.p95, shade(place, all.length)]),
};

function draw(place, found) {
  const lines = series[place.dataset.chart](found);
  const data = [found.at, ...lines.map(([, values]) => values)];
  const known = drawn.get(place);
  if (known) {
    known.setData(data);
    return;
  }
  const axis = { stroke: colour("--quiet") || "gray", grid: { stroke: "rgba(128, 128, 128, .2)" }, ticks: { stroke: "rgba(128, 128, 128, .3)" } };
  drawn.set(place, new uPlot({
    width: place.clientWidth,
    height: HEIGHT,
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [axis, { ...axis, size: 60 }],
    series: [{}, ...lines.map(([label, , stroke]) => ({
      label,
      stroke: stroke.startsWith("--") ? colour(stroke) : stroke,
      width: 1.5,
      points: { size: 4 },
      value: (_, value) => (value == null ? "–" : value.toLocaleString(undefined, { maximumFractionDigits: 2 })),
    }))],
  }, data, place));
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`${curves.dataset.statistics}?minutes=${minutes.value}`);
    if (!answer.ok) throw new Error(`the monitor answered ${answer.status}`);
    const found = await answer.json();
    for (const place of curves.querySelectorAll("[data-chart]")) draw(place, found);
    told.textContent = found.placed.some((rate) => rate > 0)
      ? `A point is ${found.width} seconds.`
      : "Nothing was placed in this time: place some orders, or look further back.";
  } catch (error) {
    told.textContent = `The curves are as they were: ${error.message}`;
  }
}

const width = new ResizeObserver((changes) => {
  for (const { target, contentRect } of changes) drawn.get(target)?.setSize({ width: contentRect.width, height: HEIGHT });
});
for (const place of curves.querySelectorAll("[data-chart]")) width.observe(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const [place, chart] of drawn) {
    chart.destroy();
    drawn.delete(place);
  }
  look();
});
minutes.addEventListener("change", look);
document.addEventListener("visibilitychange", look);
setInterval(look, EVERY);
look();
