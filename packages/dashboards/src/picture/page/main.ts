// Runs in the browser: draws the dashboard that window.scene holds.
import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { named } from './colors.js';
import { clock, element } from './dom.js';
import { drawGauge } from './gauge.js';
import { drawHeat } from './heat.js';
import { drawLines } from './lines.js';
import { drawStat } from './stat.js';
import { drawStates } from './states.js';
import { drawTable } from './table.js';

declare global {
  interface Window {
    /** Given by the program that opens the page. */
    scene: Scene;
  }
}

const DRAW: Readonly<Record<string, (panel: PanelDocument, scene: Scene, into: HTMLElement) => void>> = {
  stat: drawStat,
  timeseries: drawLines,
  gauge: drawGauge,
  table: drawTable,
  heatmap: drawHeat,
  'state-timeline': drawStates,
};

/** Grafana's grid: 24 columns, rows of 30 pixels, 8 pixels between panels. */
const COLUMNS = 24;
const ROW = 38;
const GAP = 8;

/** Draws everything; the page is then as it is to be photographed. */
function draw(scene: Scene): void {
  const grid = element('div', 'grid');
  document.body.append(header(scene), grid);
  const column = (grid.clientWidth + GAP) / COLUMNS;
  for (const panel of scene.document.panels) {
    const { x, y, w, h } = panel.gridPos;
    const body = element('div', 'panel-body');
    const box =
      panel.type === 'row'
        ? element('div', 'row', '▾ ', panel.title)
        : element(
            'div',
            'panel',
            element('div', 'panel-title', panel.title, element('span', 'info', 'i')),
            body,
          );
    Object.assign(box.style, {
      left: `${x * column}px`,
      top: `${y * ROW}px`,
      width: `${w * column - GAP}px`,
      height: `${h * ROW - GAP}px`,
    });
    grid.append(box);
    if (panel.type !== 'row') DRAW[panel.type]?.(panel, scene, body);
  }
  const rows = Math.max(...scene.document.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  grid.style.height = `${rows * ROW}px`;
}

function header({ document: { title, uid, templating }, titles, source, range, marks }: Scene): HTMLElement {
  const file = uid.replace('lamplighter-', '');
  const links = titles.map((other) => element('span', other === title ? 'link here' : 'link', other));
  const variables = templating.list.map(({ label }) =>
    element('span', 'variable', element('span', 'variable-name', label), 'All'),
  );
  const events = marks.map(({ name, color }) => {
    const dot = element('span', 'dot');
    dot.style.background = named(color);
    return element('span', 'event', dot, name);
  });
  const day = new Date(range.to * 1000).toISOString().slice(0, 10);
  return element(
    'div',
    'header',
    element(
      'div',
      'bar',
      element('span', 'crumbs', 'Dashboards › Lamplighter › ', element('b', '', title)),
      element('span', 'time', `${day}  ${clock(range.from)} to ${clock(range.to)} UTC`),
    ),
    element(
      'div',
      'note',
      `A rendering of grafana/dashboards/${file}.json by this project, not Grafana itself. `,
      source,
    ),
    element(
      'div',
      'bar controls',
      element('span', '', ...variables, ...events),
      element('span', '', ...links),
    ),
  );
}

draw(window.scene);
