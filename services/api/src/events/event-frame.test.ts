import { eventFrame } from './event-frame.js';

describe('eventFrame', () => {
  it('is one data line with the time of the event, for any device name and payload', () => {
    const frame = eventFrame({
      id: '1795348800000-0',
      event: {
        type: 'telemetry',
        fleet: 'demo',
        device: 'lamp',
        measurements: { text: 'a\n\nevent: x\r\u2028' },
      },
    });
    const lines = frame.split('\n');
    expect(lines).toHaveLength(5);
    expect(lines.slice(0, 2)).toEqual(['id: 1795348800000-0', 'event: telemetry']);
    expect(JSON.parse(lines[2]!.slice('data: '.length))).toMatchObject({
      at: '2026-11-22T12:00:00.000Z',
      measurements: { text: 'a\n\nevent: x\r\u2028' },
    });
  });
});
