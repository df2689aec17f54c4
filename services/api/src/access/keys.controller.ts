import type { ServerResponse } from 'node:http';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { type ApiKeyFacts, listApiKeys, parseApiKey, revokeApiKey } from '@lamplighter/store/access/api-keys';
import { Controller, Delete, Get, HttpCode, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { LOGGER } from '../foundation/tokens.js';
import { BODY_PROBLEMS, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isoTime, timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, linkNext, nextSchema } from '../responses/page.js';
import { StoreLink } from '../store/store-link.js';
import { ApiKeyCheck } from './api-key-check.js';
import { keyOf } from './require-api-key.js';

const keyId = z
  .string()
  .regex(/^[0-9a-f]{12}$/, 'must be the id of an API key: the 12 characters between "lamp_" and "."')
  .meta({ examples: ['3f2a91c0d4e7'] });

export const apiKeySchema = z
  .object({
    id: z.string().meta({ description: 'The part of the key between `lamp_` and the dot. Not secret.' }),
    createdAt: timeSchema(
      'When the key was created; absent for keys created before this was recorded',
    ).optional(),
    lastUsedAt: timeSchema('When the key was last used, to the minute; absent if never').optional(),
    isYours: z.boolean().meta({ description: 'Whether this request used the key' }),
  })
  .meta({
    id: 'ApiKey',
    examples: [
      {
        id: '3f2a91c0d4e7',
        createdAt: '2026-11-22T12:00:00.000Z',
        lastUsedAt: '2026-11-22T12:30:00.000Z',
        isYours: true,
      },
    ],
  });

export const apiKeyPageSchema = z
  .object({ keys: z.array(apiKeySchema), next: nextSchema })
  .meta({ id: 'ApiKeyPage' });

const keysQuery = z.strictObject({
  limit: limitSchema,
  cursor: keyId.optional().meta({ description: CURSOR }),
});
const keyPath = z.strictObject({ id: keyId });
const revokeQuery = z.strictObject({
  allowLast: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: '`true` revokes the key even if it is the only one' }),
});

@Resource('keys')
@Controller('v1/keys')
export class KeysController {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly link: StoreLink,
    private readonly check: ApiKeyCheck,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List API keys, with the times when they were created and last used' })
  @Responds(200, apiKeyPageSchema, 'A page of keys', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request')
  async listKeys(
    @Query({ schema: keysQuery }) { limit, cursor }: z.infer<typeof keysQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof apiKeyPageSchema>> {
    const options = { limit, ...(cursor !== undefined && { after: cursor }) };
    const { keys, next } = await listApiKeys(this.link.redis, options);
    linkNext(request, response, next);
    const yours = parseApiKey(keyOf(request.headers) ?? '')?.id;
    return { keys: keys.map((key) => keyBody(key, yours)), ...(next !== undefined && { next }) };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Revoke an API key',
    description:
      'Every replica rejects the key within 5 s, and its event streams end. The only key is kept unless you set `allowLast`; the API ' +
      'then creates and prints a new first key when it next starts.',
  })
  @ApiResponse({ status: 204, description: 'The key is revoked', content: {} })
  @Problems(
    ...BODY_PROBLEMS,
    'no-such-key',
    'last-key',
    'store-refuses-writes',
    'store-not-durable',
    'store-away',
  )
  async revokeKey(
    @Param({ schema: keyPath }) { id }: z.infer<typeof keyPath>,
    @Query({ schema: revokeQuery }) { allowLast }: z.infer<typeof revokeQuery>,
  ): Promise<void> {
    const outcome = await revokeApiKey(this.link.durableRedis, id, { mayBeLast: allowLast === 'true' });
    if (outcome === 'missing')
      throw new Problem('no-such-key', `API key "${id}" does not exist. GET /v1/keys lists the keys.`);
    if (outcome === 'last')
      throw new Problem(
        'last-key',
        'This is the only API key. Create another one first, or repeat the request with ?allowLast=true.',
      );
    this.check.forget(id);
    this.logger.info({ key: id }, 'API key revoked');
  }
}

function keyBody({ id, createdAt, lastUsedAt }: ApiKeyFacts, yours: string | undefined) {
  return {
    id,
    ...(createdAt !== undefined && { createdAt: isoTime(createdAt) }),
    ...(lastUsedAt !== undefined && { lastUsedAt: isoTime(lastUsedAt) }),
    isYours: id === yours,
  };
}
