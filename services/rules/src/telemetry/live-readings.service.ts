import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import type { LiveEvent } from '@lamplighter/store/events/events';
import { Injectable } from '@nestjs/common';
import type { EvaluatedPart } from '../evaluation/evaluate-part.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { StatePublisher } from '../state/state-publisher.service.js';

const STALE = { history: true, why: 'stale' } as const;

/** Shows stored readings to those who watch: as the published state of their device, and, sampled, as live events. */
@Injectable()
export class LiveReadings {
  constructor(
    private readonly events: LiveEventsService,
    private readonly states: StatePublisher,
  ) {}

  publish(parts: readonly EvaluatedPart[]): void {
    const events: LiveEvent[] = [];
    for (const part of parts) {
      if (part.live.length === 0) continue;
      this.states.markChanged(part.address);
      if (!part.device.isCanary && this.events.takeTelemetrySample()) events.push(telemetryEvent(part));
    }
    this.events.append(events);
  }
}

/** The live event of a part: its newest live reading. */
export function telemetryEvent({ address, live }: EvaluatedPart): LiveEvent {
  const { reading, ageMs } = live.at(-1)!;
  const measurements = Object.fromEntries(Object.entries(reading).filter(([name]) => !name.startsWith('_')));
  return {
    type: 'telemetry',
    fleet: address.fleet,
    device: address.device,
    measurements,
    ...(ageMs > STALE_MS && STALE),
  };
}
