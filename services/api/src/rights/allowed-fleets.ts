import type { HttpRequest } from '../requests/http-request.js';

type Caller = Pick<HttpRequest, 'apiKey'>;

/** Whether the API key of a request may use a fleet. */
export function isFleetAllowed({ apiKey }: Caller, fleet: string): boolean {
  return apiKey?.fleets?.includes(fleet) ?? true;
}

/** An object with a fleet; undefined if the key may not use that fleet, so that its ids reveal nothing. */
export function ifAllowed<T extends { readonly fleet: string }>(
  request: Caller,
  found: T | undefined,
): T | undefined {
  return found !== undefined && isFleetAllowed(request, found.fleet) ? found : undefined;
}
