import createClient from 'openapi-fetch';
import type { components, paths } from '../../generated/openapi.js';
import { currentKey, signOut } from '../session/session.js';
import { ApiUnreachable, problemOf } from './problem.js';

export type Schemas = components['schemas'];

export const KEY_REFUSED =
  'The api refused the API key: it is unknown or was revoked. Sign in with another key.';

/** The api, typed by docs/api/openapi.json. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  querySerializer: { array: { style: 'form', explode: true } },
});

api.use({
  onRequest({ request }) {
    const key = currentKey();
    if (key !== undefined) request.headers.set('Authorization', `Bearer ${key}`);
    return request;
  },
  onError() {
    return new ApiUnreachable();
  },
});

interface Answer<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** The JSON body of a successful response; a string would be an export. @throws ApiProblem, ApiUnreachable */
export async function bodyOf<Data>(
  request: Promise<Answer<Data>>,
): Promise<Exclude<NonNullable<Data>, string>> {
  const { data, error, response } = await request;
  if (response.ok && data !== undefined) return data as Exclude<NonNullable<Data>, string>;
  if (response.status === 401 && currentKey() !== undefined) signOut(KEY_REFUSED);
  throw problemOf(error, response.status);
}

/** Checks a key before it becomes the session's. @throws ApiProblem, ApiUnreachable */
export async function checkKey(key: string): Promise<void> {
  const headers = { Authorization: `Bearer ${key}` };
  const { error, response } = await api.GET('/v1/fleets', { params: { query: { limit: 1 } }, headers });
  if (!response.ok) throw problemOf(error, response.status);
}
