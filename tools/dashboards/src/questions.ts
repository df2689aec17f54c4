import type { Document } from './document.js';

/** What a dashboard asks Prometheus, and for what. */
export interface Question {
  readonly dashboard: string;
  /** The title of a panel, or the name of an annotation. */
  readonly of: string;
  readonly refId: string;
  readonly expr: string;
}

/** Every query of a dashboard: of its panels and of its annotations. */
export function questionsOf({ title: dashboard, panels, annotations }: Document): Question[] {
  return [
    ...panels.flatMap(({ title: of, targets = [] }) =>
      targets.map(({ refId, expr }) => ({ dashboard, of, refId, expr })),
    ),
    ...annotations.list.map(({ name: of, expr }) => ({ dashboard, of, refId: 'annotation', expr })),
  ];
}

/** What Grafana puts in the place of its own variables and ours, for a picture that is `seconds` long with a point each `step`. */
export function filledIn(
  expr: string,
  { rateInterval, step }: { rateInterval: number; step: number },
): string {
  return expr
    .replaceAll('$__rate_interval', `${rateInterval}s`)
    .replaceAll('$__interval_ms', `${step * 1000}`)
    .replaceAll('$__interval', `${step}s`)
    .replaceAll('$replica', '.*');
}
