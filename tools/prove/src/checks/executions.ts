import type { FleetEvidence, ShownCommand } from '../evidence/evidence.js';
import { type EventOf, eventsOf } from '../evidence/journal.js';
import type { Violation } from './violation.js';

type Execution = EventOf<'executed'>;

/** Final states of commands that the device never executes. */
const NEVER_EXECUTED: readonly string[] = ['expired', 'superseded', 'cancelled', 'rejected'];

/** Every execution is the first of its command, in order, in time and consistent with the API. */
export function checkExecutions({ fleet, journal, commands }: FleetEvidence): Violation[] {
  const executions = eventsOf(journal, 'executed');
  const shown = new Map(commands.map((command) => [command.id, command]));
  const first = new Map<string, Execution>();
  const violations: Violation[] = [];
  const highest = new Map<string, Execution>();

  for (const execution of executions) {
    const { device, lane, seq, id, t } = execution;
    const what = `${fleet}/${device} ${lane} ${seq} (${id})`;
    const earlier = first.get(`${device} ${id}`);
    if (earlier !== undefined) {
      violations.push({ kind: 'executed twice', what: `${what}, again ${t - earlier.t} ms later` });
      continue;
    }
    first.set(`${device} ${id}`, execution);
    const before = highest.get(`${device} ${lane}`);
    if (before !== undefined && before.seq >= seq)
      violations.push({ kind: 'out of order', what: `${what} after ${before.seq} (${before.id})` });
    else highest.set(`${device} ${lane}`, execution);
    violations.push(...compareWithApi(execution, shown.get(id), what));
  }

  for (const command of commands) {
    if (command.state === 'succeeded' && !first.has(`${command.device} ${command.id}`)) {
      violations.push({
        kind: 'states that contradict the device',
        what: `${fleet}/${command.device} ${command.id} is succeeded but was never executed`,
      });
    }
  }
  return violations;
}

function compareWithApi(
  { t, expiresAt }: Execution,
  command: ShownCommand | undefined,
  what: string,
): Violation[] {
  const violations: Violation[] = [];
  const last = Math.min(expiresAt, command?.expiresAt ?? expiresAt);
  if (t > last) violations.push({ kind: 'executed after expiry', what: `${what}, ${t - last} ms late` });
  if (command === undefined) {
    violations.push({
      kind: 'states that contradict the device',
      what: `${what} was executed but the API does not list it`,
    });
    return violations;
  }
  const end = command.transitions.at(-1);
  if (command.state === 'superseded' && end !== undefined && t > end.at) {
    violations.push({
      kind: 'executed though superseded',
      what: `${what}, ${t - end.at} ms after ${end.cause || 'it was superseded'}`,
    });
  } else if (NEVER_EXECUTED.includes(command.state)) {
    violations.push({
      kind: 'states that contradict the device',
      what: `${what} is ${command.state} but was executed`,
    });
  }
  return violations;
}
