import type { CommandState } from '@lamplighter/contracts/commands/command';
import type { CommandRequest, Evidence, FleetEvidence, ShownCommand } from '../src/evidence/evidence.js';
import type { DeviceEvent } from '../src/evidence/journal.js';

/** Start of the example run, milliseconds since 1970. */
const STARTED_AT = 1_800_000_000_000;

/** A command of the example: its states and its execution, in seconds since the start. */
export interface ExampleCommand {
  readonly id: string;
  readonly lane?: string;
  readonly seq: number;
  readonly policy?: ShownCommand['policy'];
  readonly states: readonly (readonly [state: CommandState, second: number])[];
  readonly executed?: number;
}

/** Three readings of one lamp: two stored, one dropped by the lamp. Four commands: two executed, one superseded, one expired. */
export function exampleRun({
  commands = EXAMPLE_COMMANDS,
  journal = READINGS,
  fleet = {},
}: {
  commands?: readonly ExampleCommand[];
  journal?: readonly DeviceEvent[];
  fleet?: Partial<FleetEvidence>;
} = {}): Evidence {
  const shown = commands.map(showCommand);
  const requests: CommandRequest[] = shown.map(({ id, lane, policy }, index) => ({
    t: STARTED_AT + index,
    fleet: 'demo',
    device: 'lamp',
    lane,
    policy,
    outcome: 'accepted',
    id,
  }));
  const executions = commands
    .filter(({ executed }) => executed !== undefined)
    .map(({ id, lane = 'led', seq, executed = 0 }): DeviceEvent => {
      const expiresAt = expiryOf(seq);
      return {
        t: at(executed),
        device: 'lamp',
        event: 'executed',
        id,
        lane,
        seq,
        expiresAt,
        action: { led_on: true },
      };
    });
  const count = (state: CommandState) => shown.filter((command) => command.state === state).length;
  const ended = ['succeeded', 'failed', 'rejected', 'cancelled', 'superseded', 'expired', 'unknown'] as const;
  const evidence: FleetEvidence = {
    fleet: 'demo',
    journal: [...journal, ...executions],
    stored: new Map([['lamp', [1, 3]]]),
    commands: shown,
    ledger: {
      readings: { stored: 2, late: 0, unexplained: 0 },
      commands: {
        issued: { rule: 0, api: shown.length, rollout: 0 },
        open: 0,
        unexplained: 0,
        ...Object.fromEntries(ended.map((state) => [state, count(state)])),
      },
    },
    ...fleet,
  };
  return {
    fleets: [evidence],
    requests,
    faults: [{ t: STARTED_AT, kind: 'kill -9', target: 'rules', ms: 1000 }],
    about: {
      seed: 1,
      seconds: 60,
      fleets: [{ name: 'demo', devices: 1 }],
      unsettled: [],
      versions: { lamplighter: '0.1.0' },
    },
  };
}

const at = (second: number) => STARTED_AT + second * 1000;
const expiryOf = (seq: number) => at(seq * 10 + 30);

const EXAMPLE_COMMANDS: readonly ExampleCommand[] = [
  {
    id: 'first',
    seq: 1,
    states: [
      ['pending', 0],
      ['dispatched', 1],
      ['acknowledged', 2],
      ['succeeded', 3],
    ],
    executed: 2,
  },
  {
    id: 'second',
    seq: 2,
    states: [
      ['pending', 4],
      ['dispatched', 5],
      ['succeeded', 6],
    ],
    executed: 5,
  },
  {
    id: 'superseded',
    seq: 3,
    states: [
      ['pending', 7],
      ['superseded', 8],
    ],
  },
  {
    id: 'expired',
    seq: 4,
    states: [
      ['pending', 8],
      ['expired', 70],
    ],
  },
];

const READINGS: readonly DeviceEvent[] = [
  { t: at(0), device: 'lamp', event: 'taken', seq: 1, n: 1 },
  { t: at(0), device: 'lamp', event: 'sent', seqs: [1] },
  { t: at(1), device: 'lamp', event: 'taken', seq: 2, n: 2 },
  { t: at(1), device: 'lamp', event: 'dropped', seq: 2, reason: 'outbox_full' },
  { t: at(2), device: 'lamp', event: 'taken', seq: 3, n: 3 },
  { t: at(2), device: 'lamp', event: 'receipt', stored: [1, 3] },
];

function showCommand({ id, lane = 'led', seq, policy = 'latest', states }: ExampleCommand): ShownCommand {
  const transitions = states.map(([state, second]) => ({ state, at: at(second), attempt: 1, cause: 'test' }));
  return {
    fleet: 'demo',
    device: 'lamp',
    id,
    lane,
    seq,
    policy,
    source: 'api',
    state: states.at(-1)?.[0] ?? 'pending',
    expiresAt: expiryOf(seq),
    transitions,
  };
}
