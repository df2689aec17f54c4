import type { ServerResponse } from 'node:http';
import type { Scope } from '@lamplighter/store/access/api-key';
import { type AuditEntry, appendAudit } from '@lamplighter/store/access/audit';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import type { HttpRequest } from '../requests/http-request.js';
import { BatchWriter } from '../store/batch-writer.js';
import { StoreLink } from '../store/store-link.js';

const MAX_PATH = 256;
/** The client disconnected before a response, as nginx logs it. */
const HUNG_UP = 499;

/** Records who changed what. An entry is written after its response, so the trail can miss the last ones before a crash. */
@Injectable()
export class AuditTrail extends BatchWriter<{ scope: Scope; entry: AuditEntry }> {
  constructor(link: StoreLink, metrics: ApiMetrics, errors: ApiErrors) {
    super(
      async (batch) => appendAudit(link.redis, batch),
      (count, error) => {
        metrics.auditDropped.inc({ reason: 'store' }, count);
        if (error !== undefined && storeFailure(error) === undefined)
          errors.report('audit', error, 'cannot write the audit trail; entries are lost');
      },
    );
  }

  /** Records a request when it ends, with its result. */
  record(scope: Scope, request: HttpRequest, response: ServerResponse): void {
    const key = request.apiKey?.id;
    const from = request.socket.remoteAddress ?? '';
    if (key === undefined) return;
    response.once('close', () => {
      const location = response.getHeader('location');
      const entry: AuditEntry = {
        key,
        method: request.method,
        path: request.originalUrl.split('?')[0]!.slice(0, MAX_PATH),
        from,
        status: response.headersSent ? response.statusCode : HUNG_UP,
        ...(typeof location === 'string' && { location }),
      };
      this.append({ scope, entry });
    });
  }
}
