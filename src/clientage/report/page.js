(() => {
  "use strict";
  const {charts, spreads, templates} = JSON.parse(document.getElementById("document").textContent);
  const config = {responsive: true, displayModeBar: false, displaylogo: false, scrollZoom: false, showTips: false};
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set();
  let printing = false;

  const draw = (place) => {
    const chart = charts[place.dataset.chart];
    const template = templates[dark.matches && !printing ? "dark" : "light"];
    drawn.add(place);
    return Plotly.react(place, chart.data, {...chart.layout, template, autosize: true}, config);
  };
  const places = (root) => [...root.querySelectorAll("[data-chart]")];
  const hidden = (place) => place.closest("details:not([open])");

  // one at a time, so that the page can be read and scrolled meanwhile
  const queue = places(document).filter((place) => !hidden(place));
  const next = () => { const place = queue.shift(); if (place) { draw(place); setTimeout(next); } };
  next();

  document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", () => {
    if (details.open) places(details).filter((place) => !drawn.has(place)).forEach(draw);
  }));
  const redraw = () => places(document).filter((place) => !hidden(place)).forEach(draw);
  dark.addEventListener("change", redraw);
  const print = (on) => () => {
    printing = on;
    document.body.style.width = on ? "680px" : "";
    document.body.classList.toggle("printing", on);
    redraw();
  };
  addEventListener("beforeprint", print(true));
  addEventListener("afterprint", print(false));

  const feature = document.getElementById("feature");
  if (feature) feature.addEventListener("change", () => {
    const {figure, reading} = spreads[feature.value], place = document.querySelector("[data-chart=spread]");
    charts.spread = figure;
    document.getElementById("spread-reading").textContent = reading;
    place.setAttribute("aria-label", feature.selectedOptions[0].text + ". " + reading);
    draw(place);
  });
})();
