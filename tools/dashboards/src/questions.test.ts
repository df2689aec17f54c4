import { expect, it } from '@jest/globals';
import type { Document } from './document.js';
import { filledIn, questionsOf } from './questions.js';

it('questions are those of panels and of annotations; rows ask nothing', () => {
  const dashboard = {
    title: 'D',
    panels: [
      { title: 'a row', type: 'row' },
      { title: 'a panel', type: 'stat', targets: [{ refId: 'A', expr: 'up' }] },
    ],
    annotations: { list: [{ name: 'a start', expr: 'x < 1' }] },
  } as unknown as Document;
  expect(questionsOf(dashboard)).toEqual([
    { dashboard: 'D', of: 'a panel', refId: 'A', expr: 'up' },
    { dashboard: 'D', of: 'a start', refId: 'annotation', expr: 'x < 1' },
  ]);
});

it('variables are filled in as Grafana does when all replicas are chosen', () => {
  expect(
    filledIn(
      'rate(x{instance=~"$replica"}[$__rate_interval]) + y[$__interval] < 15 + $__interval_ms / 1000',
      {
        rateInterval: 20,
        step: 5,
      },
    ),
  ).toBe('rate(x{instance=~".*"}[20s]) + y[5s] < 15 + 5000 / 1000');
});
