import { expect, it } from '@jest/globals';
import type { Document } from './document.js';
import { queriesOf, substituteVariables } from './queries.js';

it('lists the queries of panels and annotations, not of rows', () => {
  const dashboard = {
    title: 'D',
    panels: [
      { title: 'a row', type: 'row' },
      { title: 'a panel', type: 'stat', targets: [{ refId: 'A', expr: 'up' }] },
    ],
    annotations: { list: [{ name: 'a start', expr: 'x < 1' }] },
  } as unknown as Document;
  expect(queriesOf(dashboard)).toEqual([
    { dashboard: 'D', source: 'a panel', refId: 'A', expr: 'up' },
    { dashboard: 'D', source: 'a start', refId: 'annotation', expr: 'x < 1' },
  ]);
});

it('substitutes variables as Grafana does when all replicas are selected', () => {
  expect(
    substituteVariables(
      'rate(x{instance=~"$replica"}[$__rate_interval]) + y[$__interval] < 15 + $__interval_ms / 1000',
      {
        rateInterval: 20,
        step: 5,
      },
    ),
  ).toBe('rate(x{instance=~".*"}[20s]) + y[5s] < 15 + 5000 / 1000');
});
