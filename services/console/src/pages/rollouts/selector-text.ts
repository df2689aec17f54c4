import type { Selector } from '../../api/selection-queries.js';

const NAMED = 3;

/** A selector as text: `online, light < 300`. */
export function selectorText({ devices, presence, when }: Selector): string {
  const names = devices ?? [];
  const parts = [
    ...names.slice(0, NAMED),
    ...(names.length > NAMED ? [`${names.length - NAMED} more`] : []),
    ...(presence === undefined ? [] : [presence.replace('_', ' ')]),
    ...(when === undefined ? [] : [when]),
  ];
  return parts.length === 0 ? 'all devices' : parts.join(', ');
}
