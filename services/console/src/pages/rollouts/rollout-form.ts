import type { Schemas } from '../../api/client.js';
import type { Selector } from '../../api/selection-queries.js';
import { requestOf } from '../device/command-form.js';

export interface RolloutForm {
  readonly action: string;
  readonly policy: Schemas['CommandRequest']['policy'];
  readonly lane: string;
  readonly ttl: string;
  /** Names and prefixes, separated by commas or spaces. */
  readonly devices: string;
  readonly presence: string;
  readonly when: string;
  readonly rate: string;
  /** Percent; '' for never. */
  readonly abortAbove: string;
}

/** A form from the query of the address, and the names that another page handed over. */
export function formFrom(query: URLSearchParams, names: readonly string[]): RolloutForm {
  return {
    action: query.get('action') ?? '',
    policy: 'latest',
    lane: '',
    ttl: '1h',
    devices:
      names.length > 0
        ? names.join(', ')
        : (query.get('devices') ?? '').split(',').map(decodeURIComponent).join(', '),
    presence: query.get('presence') ?? '',
    when: query.get('when') ?? '',
    rate: '50',
    abortAbove: '10',
  };
}

export function selectorOf({ devices, presence, when }: RolloutForm): Selector {
  const names = devices.split(/[\s,]+/).filter((name) => name !== '');
  return {
    ...(names.length > 0 && { devices: names }),
    ...(presence !== '' && { presence: presence as NonNullable<Selector['presence']> }),
    ...(when.trim() !== '' && { when: when.trim() }),
  };
}

/** The request of a form, or a sentence that states what is missing. Everything else is checked by the api. */
export function rolloutRequestOf(form: RolloutForm): Schemas['RolloutRequest'] | string {
  const command = requestOf({ ...form, isWaiting: false });
  if (typeof command === 'string') return command;
  const rate = Number(form.rate);
  if (!Number.isInteger(rate) || rate < 1) return 'Enter how many devices get the command per second.';
  const abortAbove = Number(form.abortAbove);
  return {
    ...command,
    selector: selectorOf(form),
    rate,
    ...(form.abortAbove.trim() !== '' && Number.isFinite(abortAbove) && { abortAbove }),
  };
}
