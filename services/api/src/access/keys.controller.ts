import type { ServerResponse } from 'node:http';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { MAX_API_KEYS } from '@lamplighter/store/access/api-key';
import { createApiKey, listApiKeys, revokeApiKey, TooManyApiKeys } from '@lamplighter/store/access/api-keys';
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { LOGGER } from '../foundation/tokens.js';
import { BODY_PROBLEMS, header, Problems, Resource, Responds } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isoTime } from '../responses/iso-time.js';
import { linkNext } from '../responses/page.js';
import { ChecksFleet, Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';
import { ApiKeyCheck } from './api-key-check.js';
import {
  apiKeyPageSchema,
  createdApiKeySchema,
  currentKeySchema,
  keyFacts,
  keyPath,
  keysQuery,
  type NewApiKeyBody,
  newApiKeySchema,
  requestedKey,
  revokeQuery,
} from './key.schema.js';

@Needs('admin')
@Resource('keys')
@Controller('v1/keys')
export class KeysController {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly link: StoreLink,
    private readonly check: ApiKeyCheck,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List API keys: what they allow, and when they were last used' })
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
    const yours = request.apiKey?.id;
    const listed = keys.map((key) => ({
      ...keyFacts(key),
      ...(key.lastUsedAt !== undefined && { lastUsedAt: isoTime(key.lastUsedAt) }),
      isYours: key.id === yours,
    }));
    return { keys: listed, ...(next !== undefined && { next }) };
  }

  @Needs('read')
  @ChecksFleet('itself')
  @Get('current')
  @ApiOperation({ summary: 'Get the API key of this request: its scopes and fleets' })
  @Responds(200, currentKeySchema, 'The key')
  currentKey(@Req() request: HttpRequest): z.infer<typeof currentKeySchema> {
    return keyFacts(request.apiKey!);
  }

  @Post()
  @ApiOperation({
    summary: 'Create an API key',
    description: `The key is returned only in this response. At most ${MAX_API_KEYS} keys can exist.`,
  })
  @Responds(201, createdApiKeySchema, 'The key')
  @Problems(...BODY_PROBLEMS, 'too-many-keys', 'store-refuses-writes', 'store-not-durable', 'store-away')
  async createKey(
    @Body({ schema: newApiKeySchema }) body: NewApiKeyBody,
    @Req() request: HttpRequest,
  ): Promise<z.infer<typeof createdApiKeySchema>> {
    try {
      const created = await createApiKey(this.link.durableRedis, requestedKey(body));
      this.logger.info({ key: created.id, by: request.apiKey?.id }, 'API key created');
      return { ...keyFacts(created), key: created.key };
    } catch (error) {
      if (!(error instanceof TooManyApiKeys)) throw error;
      throw new Problem('too-many-keys', `There are already ${MAX_API_KEYS} API keys. Revoke some first.`);
    }
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Revoke an API key',
    description:
      'Every replica rejects the key within 5 s, and its event streams end. The last valid key with scope `admin` is kept unless you ' +
      'set `allowLast`; then only the command on the server can create another one.',
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
        'This is the last valid API key with scope "admin". Create another one first, or repeat the request with ?allowLast=true.',
      );
    this.check.forget(id);
    this.logger.info({ key: id }, 'API key revoked');
  }
}
