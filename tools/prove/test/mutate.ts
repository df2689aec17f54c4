import type { ViolationKind } from '../src/checks/violation.js';
import type { Evidence, FleetEvidence } from '../src/evidence/evidence.js';
import { type DeviceEvent, type EventOf, eventsOf } from '../src/evidence/journal.js';

/** A defect to inject into evidence. */
export interface Mutation {
  /** The violation that the checks must find. */
  readonly finds: ViolationKind;
  /** Undefined if the evidence has nothing to apply the defect to. */
  apply(fleet: FleetEvidence): FleetEvidence | undefined;
}

type Execution = EventOf<'executed'>;

/** One defect of each kind. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  drop: { finds: 'readings lost', apply: dropReading },
  repeat: { finds: 'readings stored twice', apply: repeatReading },
  lose: { finds: 'commands lost', apply: loseCommand },
  double: {
    finds: 'executed twice',
    apply: (fleet) => addExecution(fleet, lastExecution(fleet), (last) => last),
  },
  reorder: { finds: 'out of order', apply: reorderExecutions },
  late: { finds: 'executed after expiry', apply: delayExecution },
  superseded: { finds: 'executed though superseded', apply: executeSuperseded },
  deny: { finds: 'states that contradict the device', apply: denyExecution },
  flip: { finds: 'final states that changed', apply: flipState },
  unbalance: { finds: 'ledger does not balance', apply: unbalanceLedger },
};

/**
 * Applies the defect to the first fleet where it can.
 * @throws Error if there is none
 */
export function mutate(evidence: Evidence, name: string): Evidence {
  const mutation = MUTATIONS[name];
  if (mutation === undefined)
    throw new Error(`unknown mutation "${name}"; available: ${Object.keys(MUTATIONS).join(', ')}`);
  for (const [index, fleet] of evidence.fleets.entries()) {
    const mutated = mutation.apply(fleet);
    if (mutated !== undefined) return { ...evidence, fleets: evidence.fleets.with(index, mutated) };
  }
  throw new Error(`the mutation "${name}" does not apply to this evidence`);
}

/** The last execution, so that the order of the others stays intact. */
function lastExecution({ journal }: FleetEvidence): Execution | undefined {
  return eventsOf(journal, 'executed').at(-1);
}

function addExecution<Found>(
  fleet: FleetEvidence,
  found: Found | undefined,
  executionOf: (found: Found) => Execution,
): FleetEvidence | undefined {
  return found && { ...fleet, journal: [...fleet.journal, executionOf(found)] };
}

function dropReading(fleet: FleetEvidence): FleetEvidence | undefined {
  const dropped = new Set(eventsOf(fleet.journal, 'dropped').map(({ device, seq }) => `${device} ${seq}`));
  for (const [device, seqs] of fleet.stored) {
    const index = seqs.findIndex((seq) => !dropped.has(`${device} ${seq}`));
    if (index >= 0)
      return { ...fleet, stored: new Map([...fleet.stored, [device, seqs.toSpliced(index, 1)]]) };
  }
  return undefined;
}

function repeatReading(fleet: FleetEvidence): FleetEvidence | undefined {
  for (const [device, seqs] of fleet.stored) {
    const [seq] = seqs;
    if (seq !== undefined) return { ...fleet, stored: new Map([...fleet.stored, [device, [...seqs, seq]]]) };
  }
  return undefined;
}

function loseCommand(fleet: FleetEvidence): FleetEvidence | undefined {
  const index = fleet.commands.findIndex(({ source }) => source === 'api');
  return index < 0 ? undefined : { ...fleet, commands: fleet.commands.toSpliced(index, 1) };
}

/** Swaps two neighbours of one lane. */
function reorderExecutions(fleet: FleetEvidence): FleetEvidence | undefined {
  const latest = new Map<string, number>();
  for (const [index, event] of fleet.journal.entries()) {
    if (event.event !== 'executed') continue;
    const lane = `${event.device} ${event.lane}`;
    const before = latest.get(lane);
    if (before !== undefined) {
      const earlier = fleet.journal[before] as DeviceEvent;
      const journal = fleet.journal.with(before, event).with(index, earlier);
      return { ...fleet, journal };
    }
    latest.set(lane, index);
  }
  return undefined;
}

function delayExecution(fleet: FleetEvidence): FleetEvidence | undefined {
  const last = lastExecution(fleet);
  if (last === undefined) return undefined;
  const journal = fleet.journal.map((event) => (event === last ? { ...last, t: last.expiresAt + 1 } : event));
  return { ...fleet, journal };
}

function executeSuperseded(fleet: FleetEvidence): FleetEvidence | undefined {
  const superseded = fleet.commands.find(({ state }) => state === 'superseded');
  return addExecution(fleet, superseded, ({ device, id, lane, seq, expiresAt, transitions }) => ({
    t: (transitions.at(-1)?.at ?? 0) + 1,
    device,
    event: 'executed',
    id,
    lane,
    seq,
    expiresAt,
    action: {},
  }));
}

/** A command that the device executed, but that the API shows as expired. */
function denyExecution(fleet: FleetEvidence): FleetEvidence | undefined {
  const executed = new Set(eventsOf(fleet.journal, 'executed').map(({ id }) => id));
  const index = fleet.commands.findIndex(({ id, state }) => state === 'succeeded' && executed.has(id));
  const command = fleet.commands[index];
  return command && { ...fleet, commands: fleet.commands.with(index, { ...command, state: 'expired' }) };
}

function flipState(fleet: FleetEvidence): FleetEvidence | undefined {
  const [command, ...others] = fleet.commands;
  return command && { ...fleet, commands: [{ ...command, before: ['unknown'] }, ...others] };
}

function unbalanceLedger(fleet: FleetEvidence): FleetEvidence | undefined {
  const { ledger } = fleet;
  return ledger && { ...fleet, ledger: { ...ledger, readings: { ...ledger.readings, unexplained: 1 } } };
}
