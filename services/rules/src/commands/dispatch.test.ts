import type { EnqueueOutcome } from '@lamplighter/store/commands/emitted-command';
import type { Claim } from '@lamplighter/store/delivery/claim-commands';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { LEASE_MS } from '@lamplighter/store/keys';
import { KnownDevice } from '../cache/known-device.js';
import type { EmittedCommand } from '../evaluation/evaluate-part.js';
import { claimedDispatch, emittedDispatch, leaseOf } from './dispatch.js';

const REDIS_NOW = 1_800_000_000_000;
const lamp = (lesson = false) => new KnownDevice(new DeviceAddress('demo', lesson ? 'demo' : 'lamp', lesson));

describe('emittedDispatch', () => {
  const emit = (ttl: number, device = lamp()) =>
    emittedDispatch(
      { id: 'c-1', lane: 'led', actionJson: '{"led_on":true}', arrivedAt: 500, ttl } as EmittedCommand,
      { seq: 9, expiresAt: REDIS_NOW + ttl } as EnqueueOutcome,
      device,
    );

  it('starts the lease when the reading arrived', () => {
    expect(emit(60_000)).toMatchObject({
      ...{ topic: 'demo/commands/lamp', seq: 9, attempt: 1, source: 'rule', arrivedAt: 500 },
      ...{ claimedAt: REDIS_NOW, leaseEnds: 500 + LEASE_MS, expires: 60_500 },
    });
  });

  it('ends the lease no later than the command', () => {
    expect(emit(1000)).toMatchObject({ leaseEnds: 1500, expires: 1500 });
  });

  it('sends the envelope only to devices that acknowledge', () => {
    const device = lamp();
    expect(emit(1000, device).acknowledges).toBe(false);
    device.recordBirth({ id: 1, keeps: false });
    expect(emit(1000, device).acknowledges).toBe(true);
  });
});

describe('claimedDispatch', () => {
  const claim = {
    ...{ outcome: 'dispatched', attempt: 2, claimedAt: REDIS_NOW, leaseMs: 10_000, announced: true },
    ...{ lesson: false, aborted: [] },
    command: {
      ...{ id: 'c-1', fleet: 'demo', device: 'lamp', lane: 'led', seq: 9, source: 'api' },
      ...{ expiresAt: REDIS_NOW + 30_000, action: { led_on: true } },
    },
  } as unknown as Claim;

  it('converts Redis times to local times, counted from before the claim', () => {
    expect(claimedDispatch(claim, 700)).toMatchObject({
      ...{ topic: 'demo/commands/lamp', attempt: 2, source: 'api', acknowledges: true, arrivedAt: undefined },
      ...{ leaseEnds: 10_700, expires: 30_700, actionJson: '{"led_on":true}' },
    });
  });

  it('uses the lesson topic for a device with the lesson protocol', () => {
    const lesson = { ...claim, lesson: true, command: { ...claim.command, device: 'demo' } } as Claim;
    expect(claimedDispatch(lesson, 0).topic).toBe('demo/commands');
  });

  it('identifies the lease by device, attempt and time', () => {
    expect(leaseOf(claimedDispatch(claim, 0))).toEqual({
      ...{ id: 'c-1', device: 'demo/lamp', attempt: 2, claimedAt: REDIS_NOW },
    });
  });
});
