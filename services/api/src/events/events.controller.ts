import type { ServerResponse } from 'node:http';
import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { ApiKeyCheck } from '../access/api-key-check.js';
import { keyOf } from '../access/require-api-key.js';
import { Problems, Resource } from '../openapi/describe.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest } from '../requests/http-request.js';
import { EventFeed } from './event-feed.js';
import { type EventFilter, eventsQuery } from './event-filter.js';
import { isPosition } from './stream-position.js';

/** How often the key of an open stream is looked at; the check remembers it for a few seconds, milliseconds. */
const CHECK_KEY_MS = 1000;

@Resource('events')
@Controller('v1/events')
export class EventsController {
  constructor(
    @Inject(EventFeed) private readonly feed: EventFeed,
    @Inject(ApiKeyCheck) private readonly check: ApiKeyCheck,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Watch what happens, as server-sent events',
    description: [
      'Types: `telemetry` (a sample of it; `history` and `why` as of a reading), `command` (every change of state, with the action),',
      '`effect` (whether a command had the effect that its rule',
      'expects, once that is known), `presence` (every birth and will), `rollout` (its start and end, and its progress at most once a second),',
      '`rule` (every change of one) and `removal` (of a device, or of a fleet with its progress at most once a second).',
      'A comment every 15 s keeps the connection alive. The service keeps about the last 10,000 events: a client that sends',
      'the id of its last one in `Last-Event-ID` gets what it missed. An event of type `missed` tells that some are gone,',
      'because the client reads too slowly (`slow`, with their count) or came back too late (`late`); read the resources again then.',
      'The API key goes in a header as everywhere, so a browser reads the stream with fetch() rather than EventSource.',
    ].join(' '),
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The id of the last event that the client has seen',
    schema: { type: 'string', pattern: '^\\d+-\\d+$' },
  })
  @ApiResponse({
    status: 200,
    description:
      'The stream; `data` is a JSON object with `type`, `fleet`, `device`, `at` and what the type tells',
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

  /** A stream stays open for days, but no longer than its key is valid. */
  private endWhenRevoked(key: string | undefined, response: ServerResponse): void {
    if (key === undefined) return;
    const timer = setInterval(() => {
      // Unknown while Redis is unavailable; the next check finds out.
      this.check.accepts(key).then(
        (isValid) => isValid || response.end(),
        () => undefined,
      );
    }, CHECK_KEY_MS);
    response.once('close', () => clearInterval(timer));
  }
}
