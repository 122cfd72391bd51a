/** `node chart.ts results.json chart.svg`: draws the throughput of the servers relative to hand-written SQL. */
import { readFileSync, writeFileSync } from 'node:fs';
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Results } from '../report/results.ts';

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const [from = '', to = ''] = process.argv.slice(2);
const { main } = JSON.parse(readFileSync(from, 'utf8')) as Results;
const operations = Object.keys(main) as (keyof Results['main'])[];
const columns = ['agentbase', 'PostGraphile', 'stock Pothos'] as const;
const TITLE = 'Requests per second in percent of hand-written SQL';
const COLORS = ['#2f6feb', '#e07b39', '#8a8f98'];

const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 420 });
chart.setOption({
  animation: false,
  backgroundColor: '#ffffff',
  color: COLORS,
  title: { text: TITLE, left: 16, top: 12, textStyle: { fontSize: 15 } },
  legend: { right: 16, top: 14 },
  grid: { left: 56, right: 24, top: 60, bottom: 40 },
  xAxis: { type: 'category', data: operations },
  yAxis: { type: 'value', axisLabel: { formatter: '{value} %' } },
  series: columns.map((column) => ({
    name: column,
    type: 'bar',
    barGap: '10%',
    label: { show: true, position: 'top', fontSize: 10 },
    data: operations.map((operation) => {
      const reference = main[operation]['hand-written SQL']?.rps ?? Number.NaN;
      return Math.round((100 * (main[operation][column]?.rps ?? Number.NaN)) / reference);
    }),
  })),
});
// For screen readers.
const svg = chart.renderToSVGString().replace(/^<svg [^>]*>/, (tag) => `${tag}\n<title>${TITLE}</title>`);
writeFileSync(to, `${svg}\n`);
chart.dispose();
