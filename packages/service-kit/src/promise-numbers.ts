/**
 * PromQL of the numbers that show whether the promises hold, over all fleets and replicas: for the overview dashboard, the console and
 * `npm run watch`.
 * @param range of rates
 */
export function promiseNumbers(range = '1m') {
  return {
    telemetryRate: `sum(rate(lamplighter_telemetry_messages_total{result=~"accepted|late"}[${range}]))`,
    commandRate: `sum(rate(lamplighter_commands_total{transition="dispatched"}[${range}]))`,
    loopP99: 'histogram_quantile(0.99, sum by (le) (rate(lamplighter_loop_seconds_bucket[1m]))) >= 0',
    oldestPending: 'max(lamplighter_command_oldest_pending_age_seconds)',
    unexplainedReadings: 'max(lamplighter_ledger_unexplained{kind="readings"})',
    unexplainedCommands: 'max(lamplighter_ledger_unexplained{kind="commands"})',
  };
}

/** One query for several expressions: the label `number` of a series is the name of its expression. */
export function labelledQuery(expressions: Readonly<Record<string, string>>): string {
  return Object.entries(expressions)
    .map(([number, expression]) => `label_replace(${expression}, "number", "${number}", "", "")`)
    .join(' or ');
}
