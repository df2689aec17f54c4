import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';

type Caller = Pick<HttpRequest, 'apiKey'>;

/** Whether the API key of a request may use a fleet. */
function isFleetAllowed({ apiKey }: Caller, fleet: string): boolean {
  return apiKey?.fleets?.includes(fleet) ?? true;
}

/** @throws Problem `other-fleet` */
export function expectFleetAllowed(request: Caller, fleet: string): void {
  if (!isFleetAllowed(request, fleet))
    throw new Problem('other-fleet', `Your API key may not use fleet "${fleet}".`);
}

/** An object with a fleet; undefined if the key may not use that fleet, so that its ids reveal nothing. */
export function ifAllowed<T extends { readonly fleet: string }>(
  request: Caller,
  found: T | undefined,
): T | undefined {
  return found !== undefined && isFleetAllowed(request, found.fleet) ? found : undefined;
}
