import type { ServerResponse } from 'node:http';
import { SCOPES } from '@lamplighter/store/access/api-key';
import { readAudit } from '@lamplighter/store/access/audit';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { z } from 'zod';
import { header, Problems, Resource, Responds } from '../openapi/describe.js';
import type { HttpRequest } from '../requests/http-request.js';
import { isoTime, timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, linkNext, nextSchema } from '../responses/page.js';
import { Needs } from '../rights/needs.js';
import { StoreLink } from '../store/store-link.js';

const scopeSchema = z.enum(SCOPES);

export const auditPageSchema = z
  .object({
    entries: z.array(
      z.object({
        at: timeSchema('When the response was sent'),
        key: z.string().meta({ description: 'Id of the API key' }),
        method: z.string(),
        path: z.string().meta({ description: 'Without the query; at most 256 characters' }),
        scope: scopeSchema.meta({ description: 'The scope that the request needed' }),
        from: z.string().meta({ description: 'Address of the client, or of its proxy' }),
        status: z.int().meta({
          description: 'HTTP status of the response; 499 if the client disconnected before',
        }),
        location: z.string().optional().meta({ description: 'The resource that was created' }),
      }),
    ),
    next: nextSchema,
  })
  .meta({
    id: 'AuditPage',
    examples: [
      {
        entries: [
          {
            at: '2026-11-22T12:00:00.000Z',
            key: '3f2a91c0d4e7',
            method: 'POST',
            path: '/v1/fleets/demo/devices/lamp-0001/commands',
            scope: 'command',
            from: '127.0.0.1',
            status: 202,
            location: '/v1/commands/01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17',
          },
        ],
      },
    ],
  });

const auditQuery = z.strictObject({
  limit: limitSchema,
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, 'must be `next` of the previous page')
    .optional()
    .meta({ description: CURSOR }),
  scope: scopeSchema.optional().meta({ description: 'Only requests that needed this scope' }),
});

@Needs('admin')
@Resource('keys')
@Controller('v1/audit')
export class AuditController {
  constructor(private readonly link: StoreLink) {}

  @Get()
  @ApiOperation({
    summary: 'List changes over the API, newest first: who, what, when, from where, and the result',
    description:
      'Every request that changes something, and every request that its key did not allow. The last 10,000 of each scope are kept. A page ' +
      'may contain slightly more than `limit` entries.',
  })
  @Responds(200, auditPageSchema, 'A page of entries', { Link: header('The next page, rel="next"') })
  @Problems('invalid-request')
  async readAudit(
    @Query({ schema: auditQuery }) { limit, cursor, scope }: z.infer<typeof auditQuery>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<z.infer<typeof auditPageSchema>> {
    const { records, next } = await readAudit(this.link.redis, { limit, before: cursor, scope });
    linkNext(request, response, next);
    const entries = records.map(({ id: _, at, ...entry }) => ({ at: isoTime(at), ...entry }));
    return { entries, ...(next !== undefined && { next }) };
  }
}
