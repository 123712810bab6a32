"use strict";
// Draws each chart beside its JSON, in the colours of the page, and again when the theme changes.
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const themed = (layout) => {
    const axis = { gridcolor: style("--line"), linecolor: style("--line"), tickcolor: style("--line"), showline: false };
    const font = { color: style("--ink"), family: style("--font"), size: 13 };
    const hoverlabel = { bgcolor: style("--card"), bordercolor: style("--line"), font };
    const clear = "rgba(0,0,0,0)";
    return {
      ...layout, font, hoverlabel, paper_bgcolor: clear, plot_bgcolor: clear,
      xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis },
    };
  };
  const options = { responsive: true, displayModeBar: false, showTips: false };
  const draw = () => {
    for (const source of document.querySelectorAll("script[data-chart]")) {
      const chart = JSON.parse(source.textContent);
      Plotly.react(source.dataset.chart, chart.data, themed(chart.layout), options);
    }
  };
  draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
