import { FleetStates } from './fleet-states.js';

const at = '2026-11-22T12:00:00.000Z';
const listed = (device: string, ageMs: number, light: number) => ({
  device,
  presence: 'online' as const,
  ageMs,
  measurements: { light },
  pendingCommands: 0,
});
const telemetry = (device: string, time: string, light: number) => ({
  type: 'telemetry',
  fleet: 'demo',
  device,
  at: time,
  measurements: { light },
});

function statesOf(...devices: ReturnType<typeof listed>[]): FleetStates {
  const states = new FleetStates();
  states.applyList({ at, devices });
  return states;
}

it('keeps the newer of a list and a live event', () => {
  const states = statesOf(listed('lamp-1', 1000, 400));
  states.applyEvents([telemetry('lamp-1', '2026-11-22T12:00:01.000Z', 200)]);
  expect(states.get('lamp-1')?.measurements).toEqual({ light: 200 });
  states.applyEvents([telemetry('lamp-1', '2026-11-22T11:00:00.000Z', 900)]);
  states.applyList({ at, devices: [listed('lamp-1', 0, 400)] });
  expect(states.get('lamp-1')?.measurements).toEqual({ light: 200 });
  states.applyList({ at: '2026-11-22T12:00:05.000Z', devices: [listed('lamp-1', 100, 300)] });
  expect(states.get('lamp-1')?.measurements).toEqual({ light: 300 });
});

it('asks for a new list when an event names an unlisted device or a removal', () => {
  const states = statesOf(listed('lamp-1', 1000, 400));
  expect(states.applyEvents([telemetry('lamp-1', at, 1)])).toBe(false);
  expect(states.applyEvents([telemetry('lamp-2', at, 1)])).toBe(true);
  expect(states.applyEvents([{ type: 'removal', fleet: 'demo', device: 'lamp-1' }])).toBe(true);
});

it('shows the presence of a birth and of a will at once', () => {
  const states = statesOf(listed('lamp-1', 1000, 400));
  states.applyEvents([{ type: 'presence', device: 'lamp-1', online: false, at }]);
  expect(states.get('lamp-1')?.presence).toBe('offline');
  states.applyEvents([{ type: 'presence', device: 'lamp-1', online: true, at }]);
  expect(states.get('lamp-1')?.presence).toBe('online');
});

it('notifies once for a burst of events', () => {
  const states = statesOf(listed('lamp-1', 1000, 400), listed('lamp-2', 1000, 400));
  let notified = 0;
  states.subscribe(() => {
    notified += 1;
  });
  states.applyEvents([telemetry('lamp-1', at, 1), telemetry('lamp-2', at, 2), telemetry('lamp-1', at, 3)]);
  expect(notified).toBe(1);
});
