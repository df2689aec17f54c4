/** Addresses of the pages. */
export function fleetPath(fleet: string): string {
  return `/fleets/${encodeURIComponent(fleet)}`;
}

export function devicesPath(fleet: string, query = ''): string {
  return `${fleetPath(fleet)}/devices${query}`;
}

export function devicePath(fleet: string, device: string): string {
  return `${fleetPath(fleet)}/devices/${encodeURIComponent(device)}`;
}
