import { createLogger } from '@lamplighter/service-kit/log/logger';
import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import type { LiveEvent } from '@lamplighter/store/events/events';
import type { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { RulesCommandRecorder } from './rules-command-recorder.js';

const COMMAND = { id: 'c-1', fleet: 'demo', device: 'lamp' };

async function record(outcome: Pick<EnqueueOutcome, 'state'> & Partial<EnqueueOutcome>) {
  const metrics = new RulesMetrics('rules', 'test');
  const events: LiveEvent[] = [];
  const live = { append: (some: readonly LiveEvent[]) => events.push(...some) };
  const recorder = new RulesCommandRecorder(
    createLogger('rules', 'silent'),
    metrics,
    live as unknown as LiveEventsService,
  );
  recorder.recordEmitted(COMMAND, { superseded: [], unknown: [], ...outcome }, 'rule:night-light');
  const { values } = await metrics.commands.get();
  const transitions = values
    .filter(({ value }) => value > 0)
    .map(({ labels, value }) => `${labels.source} ${labels.transition} ${value}`);
  const dropped = (await metrics.dropped.get()).values.filter(({ value }) => value > 0);
  return { transitions, events, dropped: dropped.map(({ labels }) => labels.reason) };
}

describe('RulesCommandRecorder', () => {
  it('counts a pending command', async () => {
    expect(await record({ state: 'pending' })).toMatchObject({
      transitions: ['rule pending 1'],
      dropped: [],
    });
  });

  it('counts a command that is dispatched immediately as pending and dispatched', async () => {
    const { transitions } = await record({ state: 'dispatched' });
    expect(transitions).toEqual(['rule pending 1', 'rule dispatched 1']);
  });

  it('counts a command for a full queue as dropped', async () => {
    expect(await record({ state: 'full' })).toEqual({ transitions: [], events: [], dropped: ['queue_full'] });
  });

  it('ignores a command that the device does not need', async () => {
    expect(await record({ state: 'needless' })).toEqual({ transitions: [], events: [], dropped: [] });
  });

  it('counts and publishes superseded commands', async () => {
    const { transitions, events } = await record({ state: 'pending', superseded: ['c-0'] });
    expect(transitions).toContain('rule superseded 1');
    expect(events).toMatchObject([{ type: 'command', fleet: 'demo', device: 'lamp', state: 'superseded' }]);
  });
});
