import type { Schemas } from '../../api/client.js';

export const POLICIES = ['latest', 'ordered', 'now'] as const;

export interface CommandForm {
  readonly action: string;
  readonly policy: (typeof POLICIES)[number];
  readonly lane: string;
  readonly ttl: string;
  readonly isWaiting: boolean;
}

export const EMPTY_FORM: CommandForm = { action: '', policy: 'latest', lane: '', ttl: '1h', isWaiting: true };

const MOST_ACTIONS = 6;

/** The request of a form, or a sentence that states what is missing. Everything else is checked by the api. */
export function requestOf({ action, policy, lane, ttl }: CommandForm): Schemas['CommandRequest'] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(action);
  } catch {
    return 'Enter a JSON object, for instance {"led_on": true}.';
  }
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    Array.isArray(parsed) ||
    Object.keys(parsed).length === 0
  )
    return 'An action is a JSON object with at least one key.';
  return {
    action: parsed as Schemas['CommandRequest']['action'],
    policy,
    ...(lane.trim() !== '' && { lane: lane.trim() }),
    ...(ttl.trim() !== '' && { ttl: ttl.trim() }),
  } as Schemas['CommandRequest'];
}

/** Different actions that the device has executed, latest first, as JSON. */
export function understoodActions(
  commands: readonly Pick<Schemas['Command'], 'state' | 'action'>[],
): readonly string[] {
  const executed = commands.filter(({ state }) => state === 'succeeded');
  return [...new Set(executed.map(({ action }) => JSON.stringify(action)))].slice(0, MOST_ACTIONS);
}
