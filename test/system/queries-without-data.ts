/** Queries of dashboards that a healthy stack without containers answers with nothing, as `dashboard: panel: query`, and why. */
export const WITHOUT_DATA: Readonly<Record<string, string>> = {
  '5 Broker and Redis: Redis memory: A':
    'a share of a bound: only in containers Redis has one, since only there its memory is its own; the panel says "no limit, or down"',
};
