import type { Document } from './document.js';

/** A query that a dashboard sends to Prometheus. */
export interface DashboardQuery {
  readonly dashboard: string;
  /** The title of a panel, or the name of an annotation. */
  readonly source: string;
  readonly refId: string;
  readonly expr: string;
}

/** Every query of a dashboard's panels and annotations. */
export function queriesOf({ title: dashboard, panels, annotations }: Document): DashboardQuery[] {
  return [
    ...panels.flatMap(({ title: source, targets = [] }) =>
      targets.map(({ refId, expr }) => ({ dashboard, source, refId, expr })),
    ),
    ...annotations.list.map(({ name: source, expr }) => ({ dashboard, source, refId: 'annotation', expr })),
  ];
}

/** Replaces all variables as Grafana would for a query step of `step` seconds with all replicas selected. */
export function substituteVariables(
  expr: string,
  { rateInterval, step }: { rateInterval: number; step: number },
): string {
  return expr
    .replaceAll('$__rate_interval', `${rateInterval}s`)
    .replaceAll('$__interval_ms', `${step * 1000}`)
    .replaceAll('$__interval', `${step}s`)
    .replaceAll('$replica', '.*');
}
