"use strict";
// Draws each chart beside its JSON, in the colours of the page, and again when the theme changes.
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const themed = (layout) => {
    const font = { color: style("--ink"), family: style("--font"), size: 13 };
    const axis = (own) => own && {
      ...own, title: { ...own.title, font: { ...font, size: 12, color: style("--soft") } },
      gridcolor: style("--line"), linecolor: style("--line"), tickcolor: style("--line"), showline: false,
    };
    const axes = Object.keys(layout).filter((name) => /^[xy]axis[0-9]*$/.test(name));
    const hoverlabel = { bgcolor: style("--card"), bordercolor: style("--line"), font };
    const clear = "rgba(0,0,0,0)";
    return {
      ...layout, font, hoverlabel, paper_bgcolor: clear, plot_bgcolor: clear,
      ...Object.fromEntries(axes.map((name) => [name, axis(layout[name])])),
    };
  };
  // words in the cells of a grid keep no colour that shows on both themes
  const inked = (trace) => (trace.type === "heatmap" ? { ...trace, textfont: { size: 11, color: style("--ink") } } : trace);
  const options = { responsive: true, displayModeBar: false, showTips: false };
  const draw = () => {
    for (const source of document.querySelectorAll("script[data-chart]")) {
      const chart = JSON.parse(source.textContent);
      Plotly.react(source.dataset.chart, chart.data.map(inked), themed(chart.layout), options);
    }
  };
  draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
