/** Addresses of the pages. */
export function fleetPath(fleet: string): string {
  return `/fleets/${encodeURIComponent(fleet)}`;
}

const under = (fleet: string, ...names: readonly string[]) =>
  [fleetPath(fleet), ...names.map(encodeURIComponent)].join('/');

export const devicesPath = (fleet: string, query = '') => under(fleet, 'devices') + query;
export const devicePath = (fleet: string, device: string) => under(fleet, 'devices', device);
export const commandsPath = (fleet: string, query = '') => under(fleet, 'commands') + query;
export const commandPath = (fleet: string, id: string) => under(fleet, 'commands', id);
export const rolloutsPath = (fleet: string) => under(fleet, 'rollouts');
export const newRolloutPath = (fleet: string, query = '') => under(fleet, 'rollouts', 'new') + query;
export const rolloutPath = (fleet: string, id: string) => under(fleet, 'rollouts', id);
export const rulesPath = (fleet: string) => under(fleet, 'rules');
export const newRulePath = (fleet: string) => under(fleet, 'new-rule');
export const rulePath = (fleet: string, rule: string, query = '') => under(fleet, 'rules', rule) + query;
export const rejectedPath = (fleet: string, query = '') => under(fleet, 'rejected') + query;

/** The address of a resource of the API. */
export const apiPath = (...names: readonly string[]) => `/v1/${names.map(encodeURIComponent).join('/')}`;
