/**
 * What an API key allows. `read`: everything except keys and the audit trail. `command`: commands, rollouts and device settings. `rules`:
 * rules and telemetry schemas. `devices`: devices and fleets. `admin`: all of these, keys and the audit trail.
 */
export const SCOPES = ['read', 'command', 'rules', 'devices', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Keys of one installation. */
export const MAX_API_KEYS = 1000;
/** Fleets that one key can be restricted to. */
export const MAX_KEY_FLEETS = 100;

/** The public facts of a key. Times are milliseconds since 1970 on the Redis clock. */
export interface ApiKey {
  readonly id: string;
  /** What it is for, as described by its creator. */
  readonly name?: string;
  readonly scopes: readonly Scope[];
  /** The only fleets that it may use; absent for all. */
  readonly fleets?: readonly string[];
  /** Absent for keys of earlier versions. */
  readonly createdAt?: number;
  readonly expiresAt?: number;
}

/** Whether a key has a scope; `admin` includes all others. */
export function hasScope({ scopes }: Pick<ApiKey, 'scopes'>, scope: Scope): boolean {
  return scopes.includes('admin') || scopes.includes(scope);
}

/** A key as it is stored, JSON. */
export type ApiKeyRecord = Omit<ApiKey, 'id'> & { readonly hash: string };

/**
 * Parses a stored key. Earlier versions stored `<hash>` or `<hash>,<created (ms)>`: their keys allow everything. A record that cannot be
 * read allows nothing.
 */
export function parseRecord(id: string, text: string): { hash: string; key: ApiKey } {
  if (!text.startsWith('{')) {
    const [hash = '', createdAt] = text.split(',');
    return { hash, key: { id, scopes: ['admin'], ...(createdAt && { createdAt: Number(createdAt) }) } };
  }
  try {
    const { hash, ...facts } = JSON.parse(text) as ApiKeyRecord;
    return { hash, key: { ...facts, id, scopes: facts.scopes.filter((scope) => SCOPES.includes(scope)) } };
  } catch {
    return { hash: '', key: { id, scopes: [] } }; // only a manual write into Redis can create it
  }
}
