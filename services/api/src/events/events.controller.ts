import type { ServerResponse } from 'node:http';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { ApiKeyCheck } from '../access/api-key-check.js';
import { keyOf } from '../access/require-api-key.js';
import { ApiErrors } from '../foundation/api-errors.js';
import { Problems, Resource } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import { isStoreFailure } from '../problems/store-failure.js';
import type { HttpRequest } from '../requests/http-request.js';
import { ChecksFleet } from '../rights/needs.js';
import { EventFeed } from './event-feed.js';
import { type EventFilter, eventsQuery } from './event-filter.js';
import { isPosition } from './stream-position.js';

/** How often the key of an open stream is checked, milliseconds; the check itself is cached for a few seconds. */
const CHECK_KEY_MS = 1000;

@Resource('events')
@Controller('v1/events')
export class EventsController {
  constructor(
    private readonly feed: EventFeed,
    private readonly check: ApiKeyCheck,
    private readonly errors: ApiErrors,
  ) {}

  @ChecksFleet('query')
  @Get()
  @ApiOperation({
    summary: 'Watch live events, as server-sent events',
    description: [
      'Types: `telemetry` (a sample; `history` and `why` as in a reading), `command` (every state transition, with the action),',
      '`effect` (whether a command had the effect that its rule expects), `presence` (every birth and will),',
      '`rollout` (start, end, and progress at most once a second), `rule` (every change of a rule)',
      'and `removal` (of a device, or of a fleet with progress at most once a second).',
      'A comment every 15 s keeps the connection alive. The service keeps about the last 10,000 events: a client that sends',
      'the id of the last one in `Last-Event-ID` receives the events that it missed. An event of type `missed` means that some events are lost,',
      'because the client reads too slowly (`slow`, with their count) or reconnected too late (`late`); read the resources again.',
      'The API key must be sent in a header, so in a browser use fetch() rather than EventSource.',
    ].join(' '),
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The id of the last event received by the client',
    schema: { type: 'string', pattern: '^\\d+-\\d+$' },
  })
  @ApiResponse({
    status: 200,
    description:
      'The stream; `data` is a JSON object with `type`, `fleet`, `device`, `at` and the fields of the type',
    content: {
      'text/event-stream': {
        schema: { type: 'string' },
        example:
          'id: 1795348800000-0\nevent: command\ndata: {"type":"command","fleet":"demo","device":"lamp-0001",' +
          '"command":"01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17","state":"succeeded","action":{"led_on":true},"at":"2026-11-22T12:00:00.000Z"}\n\n',
      },
    },
  })
  @Problems('invalid-request', 'store-away', 'too-many-watchers')
  async watchEvents(
    @Query({ schema: eventsQuery }) filter: EventFilter,
    @Req() request: HttpRequest,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const after = request.headers['last-event-id'];
    if (after !== undefined && !(typeof after === 'string' && isPosition(after))) {
      throw new Problem('invalid-request', 'The Last-Event-ID header is not valid; see errors.', {
        errors: [{ in: 'header', pointer: '/Last-Event-ID', detail: 'must be the id of an event' }],
      });
    }
    this.endWhenRevoked(keyOf(request.headers), response);
    await this.feed.watch(response, filter, after);
  }

  /** Ends the stream when its key is revoked. */
  private endWhenRevoked(key: string | undefined, response: ServerResponse): void {
    if (key === undefined) return;
    const timer = setInterval(() => {
      // While Redis is unavailable the stream stays open; the next check decides.
      this.check.find(key).then(
        (found) => found ?? response.end(),
        (error: unknown) => {
          if (!isStoreFailure(error))
            this.errors.report(
              'event_stream',
              error,
              'cannot check the API key of an event stream; retrying',
            );
        },
      );
    }, CHECK_KEY_MS);
    response.once('close', () => clearInterval(timer));
  }
}
