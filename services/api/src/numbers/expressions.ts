/** PromQL of each number, as on the overview dashboard: over all fleets and replicas. */
export const EXPRESSIONS = {
  telemetryRate: 'sum(rate(lamplighter_telemetry_messages_total{result=~"accepted|late"}[1m]))',
  commandRate: 'sum(rate(lamplighter_commands_total{transition="dispatched"}[1m]))',
  loopP99: 'histogram_quantile(0.99, sum by (le) (rate(lamplighter_loop_seconds_bucket[1m]))) >= 0',
  oldestPending: 'max(lamplighter_command_oldest_pending_age_seconds)',
  unexplainedReadings: 'max(lamplighter_ledger_unexplained{kind="readings"})',
  unexplainedCommands: 'max(lamplighter_ledger_unexplained{kind="commands"})',
} as const;

export type NumberName = keyof typeof EXPRESSIONS;
export const NUMBER_NAMES = Object.keys(EXPRESSIONS) as [NumberName, ...NumberName[]];

/** One query for all numbers: the label `number` of a series names its number. */
export const QUERY = Object.entries(EXPRESSIONS)
  .map(([number, expression]) => `label_replace(${expression}, "number", "${number}", "", "")`)
  .join(' or ');
