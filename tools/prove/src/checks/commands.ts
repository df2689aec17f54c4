import { type CommandState, FINAL_STATES } from '@lamplighter/contracts/commands/command';
import type { CommandRequest, FleetEvidence, ShownCommand } from '../evidence/evidence.js';
import { groupBy } from './group-by.js';
import type { Violation } from './violation.js';

const isFinal = (state: CommandState) => (FINAL_STATES as readonly CommandState[]).includes(state);

/** Every accepted command ends in exactly one final state, and ordered lanes keep their order. */
export function checkCommands(
  { fleet, commands }: FleetEvidence,
  requests: readonly CommandRequest[],
): Violation[] {
  const shown = new Map(commands.map((command) => [command.id, command]));
  const violations: Violation[] = [];
  const lost = (what: string) => violations.push({ kind: 'commands lost', what });

  for (const { device, id = '', outcome } of requests) {
    if (outcome === 'accepted' && !shown.has(id))
      lost(`${fleet}/${device} ${id} was accepted but the API does not list it`);
  }
  for (const command of commands) {
    const what = `${fleet}/${command.device} ${command.id}`;
    if (!isFinal(command.state)) lost(`${what} is still ${command.state}`);
    for (const before of command.before ?? [])
      violations.push({
        kind: 'final states that changed',
        what: `${what}: ${before}, then ${command.state}`,
      });
    const ended = command.transitions.findIndex(({ state }) => isFinal(state));
    if (ended >= 0 && ended < command.transitions.length - 1) {
      const states = command.transitions.slice(ended).map(({ state }) => state);
      violations.push({ kind: 'final states that changed', what: `${what}: ${states.join(', ')}` });
    }
  }
  return [...violations, ...checkLanes(fleet, commands, requests, shown)];
}

/** Ordered commands are numbered in the order of their acceptance, and each is dispatched after the previous one has ended. */
function checkLanes(
  fleet: string,
  commands: readonly ShownCommand[],
  requests: readonly CommandRequest[],
  shown: ReadonlyMap<string, ShownCommand>,
): Violation[] {
  const violations: Violation[] = [];
  const latest = new Map<string, ShownCommand>();
  for (const { device, lane, policy, id = '' } of requests) {
    const command = shown.get(id);
    if (policy !== 'ordered' || command === undefined) continue;
    const before = latest.get(`${device} ${lane}`);
    if (before !== undefined && before.seq >= command.seq) {
      violations.push({
        kind: 'out of order',
        what: `${fleet}/${device} ${lane}: ${command.id} was accepted after ${before.id} but numbered before it`,
      });
    }
    latest.set(`${device} ${lane}`, command);
  }

  const lanes = groupBy(
    commands.filter(({ policy }) => policy === 'ordered'),
    ({ device, lane }) => `${device} ${lane}`,
  );
  for (const lane of lanes.values()) {
    const inOrder = [...lane].sort((a, b) => a.seq - b.seq);
    for (const [index, command] of inOrder.entries()) {
      const dispatched = command.transitions.find(({ state }) => state === 'dispatched');
      const end = inOrder[index - 1]?.transitions.at(-1);
      if (dispatched !== undefined && end !== undefined && dispatched.at < end.at) {
        violations.push({
          kind: 'out of order',
          what: `${fleet}/${command.device} ${command.lane}: ${command.id} was dispatched ${end.at - dispatched.at} ms before the previous command ended`,
        });
      }
    }
  }
  return violations;
}
