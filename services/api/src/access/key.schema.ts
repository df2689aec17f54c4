import { durationMs, durationSchema } from '@lamplighter/contracts/duration';
import { identitySchema } from '@lamplighter/contracts/identity';
import { type ApiKey, MAX_KEY_FLEETS, SCOPES } from '@lamplighter/store/access/api-key';
import type { NewApiKey } from '@lamplighter/store/access/api-keys';
import { z } from 'zod';
import { isoTime, timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';

const YEARS_10_MS = 3650 * 24 * 3_600_000;

const scopesSchema = z.array(z.enum(SCOPES)).meta({
  description:
    'read: everything except keys and the audit trail; command: commands, rollouts and device settings; rules: rules and telemetry ' +
    'schemas; devices: devices and fleets; admin: all of these, keys and the audit trail',
});
const nameSchema = z
  .string()
  .regex(/^[\x20-\x7e]{1,64}$/, 'must be 1 to 64 printable ASCII characters')
  .meta({ description: 'What the key is for', examples: ['dashboard'] });

/** A key as clients request it. */
export const newApiKeySchema = z
  .strictObject({
    name: nameSchema.optional(),
    scopes: scopesSchema.min(1).max(SCOPES.length),
    fleets: z
      .array(identitySchema)
      .min(1)
      .max(MAX_KEY_FLEETS)
      .optional()
      .meta({ description: 'The only fleets that the key may use; by default all' }),
    expiresIn: durationSchema(1000, YEARS_10_MS).optional().meta({
      pattern: '^\\d{1,9}(ms|s|m|h|d)$',
      description: 'How long the key is valid, up to "3650d"; by default without limit',
    }),
  })
  .refine(({ scopes, fleets }) => fleets === undefined || !scopes.includes('admin'), {
    path: ['fleets'],
    message: 'must be omitted: a key with scope "admin" can create keys for every fleet',
  })
  .meta({
    id: 'NewApiKey',
    examples: [{ name: 'dashboard', scopes: ['read'], fleets: ['demo'], expiresIn: '90d' }],
  });
export type NewApiKeyBody = z.infer<typeof newApiKeySchema>;

const facts = {
  id: z.string().meta({ description: 'The part of the key between `lamp_` and the dot. Not secret.' }),
  name: nameSchema.optional(),
  scopes: scopesSchema,
  fleets: z.array(z.string()).optional().meta({ description: 'Absent if the key may use every fleet' }),
  createdAt: timeSchema(
    'When the key was created; absent for keys created before this was recorded',
  ).optional(),
  expiresAt: timeSchema('When it expires; absent if it does not').optional(),
};
const EXAMPLE = {
  id: '3f2a91c0d4e7',
  name: 'dashboard',
  scopes: ['read' as const],
  fleets: ['demo'],
  createdAt: '2026-11-22T12:00:00.000Z',
  expiresAt: '2027-02-20T12:00:00.000Z',
};

export const apiKeySchema = z
  .object({
    ...facts,
    lastUsedAt: timeSchema('When the key was last used, to the minute; absent if never').optional(),
    isYours: z.boolean().meta({ description: 'Whether this request used the key' }),
  })
  .meta({
    id: 'ApiKey',
    examples: [{ ...EXAMPLE, lastUsedAt: '2026-11-22T12:30:00.000Z', isYours: true }],
  });

export const createdApiKeySchema = z
  .object({
    ...facts,
    key: z.string().meta({ description: 'The key itself, which cannot be read again' }),
  })
  .meta({ id: 'CreatedApiKey', examples: [{ ...EXAMPLE, key: `lamp_3f2a91c0d4e7.${'A'.repeat(43)}` }] });

/** The key of the request itself. */
export const currentKeySchema = z.object(facts).meta({ id: 'CurrentApiKey', examples: [EXAMPLE] });

export const apiKeyPageSchema = z
  .object({ keys: z.array(apiKeySchema), next: nextSchema })
  .meta({ id: 'ApiKeyPage' });

const keyId = z
  .string()
  .regex(/^[0-9a-f]{12}$/, 'must be the id of an API key: the 12 characters between "lamp_" and "."')
  .meta({ examples: ['3f2a91c0d4e7'] });

export const keysQuery = z.strictObject({
  limit: limitSchema,
  cursor: keyId.optional().meta({ description: CURSOR }),
});
export const keyPath = z.strictObject({ id: keyId });
export const revokeQuery = z.strictObject({
  allowLast: z.enum(['true', 'false']).optional().meta({
    description: '`true` revokes the key even if no other valid key has scope `admin`',
  }),
});

export function requestedKey({ name, scopes, fleets, expiresIn }: NewApiKeyBody): NewApiKey {
  return { name, scopes, fleets, ...(expiresIn !== undefined && { validMs: durationMs(expiresIn)! }) };
}

/** The facts of a key as the API returns them. */
export function keyFacts({ id, name, scopes, fleets, createdAt, expiresAt }: ApiKey) {
  return {
    id,
    ...(name !== undefined && { name }),
    scopes: [...scopes],
    ...(fleets !== undefined && { fleets: [...fleets] }),
    ...(createdAt !== undefined && { createdAt: isoTime(createdAt) }),
    ...(expiresAt !== undefined && { expiresAt: isoTime(expiresAt) }),
  };
}
