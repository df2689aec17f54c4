import { expect, it } from '@jest/globals';
import type { Document, PanelDocument } from '../document.js';
import { drawDashboard } from './draw-dashboard.js';
import type { Series } from './prometheus.js';
import { niceSteps } from './units.js';

const RANGE = { from: 1_800_000_000, to: 1_800_000_600, step: 60 };
const values = (...some: (number | null)[]): Series => ({
  labels: {},
  values: Array.from({ length: 11 }, (_, point) => some[point] ?? null),
});

/** Draws a dashboard with one panel. */
function picture(panel: Partial<PanelDocument>, ...series: Series[]): string {
  const steps = [
    { color: 'green', value: null },
    { color: 'red', value: 5 },
  ];
  const whole = {
    id: 1,
    type: 'stat',
    title: 'A panel',
    gridPos: { x: 0, y: 0, w: 12, h: 8 },
    fieldConfig: { defaults: { unit: 'short', thresholds: { steps } }, overrides: [] },
    targets: [{ legendFormat: '{{kind}}' }],
    ...panel,
  };
  const document = { uid: 'lamplighter-one', title: 'One', panels: [whole] } as unknown as Document;
  return drawDashboard({
    document,
    source: 'Test data.',
    range: RANGE,
    series: { 1: [series] },
    annotations: [],
  });
}

const lines = (svg: string) => [...svg.matchAll(/<path d="([^"]*)"/g)].map(([, path = '']) => path);

it('colors a number by its threshold', () => {
  const now = (value: number) => ({ labels: {}, values: [value] });
  expect(picture({}, now(3))).toMatch(/fill="#2f9e44">3</);
  expect(picture({}, now(7))).toMatch(/fill="#e03131">7</);
});

it('shows no number for a series without a current value', () => {
  const svg = picture({}, values(3, 3));
  expect(svg).toContain('>No data<');
  expect(svg).not.toContain('>3<');
});

it('leaves a gap in a line where there is no value', () => {
  const [path = ''] = lines(picture({ type: 'timeseries' }, values(1, 2, 3, null, null, 6, 7, 8, 9, 10, 11)));
  expect(path.match(/M/g)).toHaveLength(2);
  expect(path.match(/[ML]/g)).toHaveLength(9);
});

it('omits points between equal neighbors', () => {
  const flat = values(4, 4, 4, 4, 9, 4, 4, 4, 4, 4, 4);
  const [path = ''] = lines(picture({ type: 'timeseries' }, flat));
  expect(path.match(/[ML]/g)).toHaveLength(5);
});

it('draws stacked series at their own values', () => {
  const custom = { stacking: { mode: 'normal' } };
  const fieldConfig = { defaults: { unit: 'short', thresholds: { steps: [] }, custom }, overrides: [] };
  const same = values(5, 6);
  const [first, second] = lines(picture({ type: 'timeseries', fieldConfig }, same, same));
  expect(first).toBe(second);
});

it('names heatmaps without drawing them, and escapes labels', () => {
  expect(picture({ type: 'heatmap' }, values(1))).toContain('heatmap: shown in Grafana only');
  const svg = picture({ type: 'timeseries' }, { ...values(1, 2), labels: { kind: '<b>&' } });
  expect(svg).toContain('&#60;b&#62;&#38;');
  expect(svg).not.toContain('<b>');
});

it('uses round steps: powers of two for bytes, minutes and hours for long times', () => {
  expect(niceSteps('bytes').slice(0, 3)).toEqual([1, 2, 4]);
  expect(niceSteps('s')).toEqual(expect.arrayContaining([0.005, 10, 60, 300]));
  expect(niceSteps('s')).not.toContain(50);
  expect(niceSteps('short', 0)[0]).toBe(1);
});
