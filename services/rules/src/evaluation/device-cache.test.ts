import type { StoredDeviceState } from '@lamplighter/store/telemetry/device-part';
import { DeviceCache } from './device-cache.js';

const TOPIC = 'demo/telemetry/lamp-1';
const grounds = (session?: StoredDeviceState['session']): StoredDeviceState => ({
  version: '0',
  mark: { seq: undefined, at: undefined },
  rules: '',
  kinds: '',
  session,
});

describe('what a device says of itself', () => {
  it('is known from its birth on', () => {
    const devices = new DeviceCache();
    const lamp = devices.find(TOPIC)!;
    expect([lamp.answers, lamp.keeps]).toEqual([false, false]);
    devices.announce(TOPIC, { id: 1, keeps: true });
    expect([lamp.answers, lamp.keeps]).toEqual([true, true]);
    devices.announce(TOPIC, { id: 2, keeps: false });
    expect([lamp.answers, lamp.keeps]).toEqual([true, false]);
  });

  it('is what its latest birth says, whatever the number of its session', () => {
    const devices = new DeviceCache();
    const lamp = devices.find(TOPIC)!;
    devices.announce(TOPIC, { id: 64_698_438_051_149, keeps: false });
    devices.announce(TOPIC, { id: 4000, keeps: true });
    expect(lamp.keeps).toBe(true);
  });

  it('is not forgotten for grounds of the store that were read before the birth was there', () => {
    const devices = new DeviceCache();
    const lamp = devices.find(TOPIC)!;
    devices.announce(TOPIC, { id: 7, keeps: true });
    lamp.adoptStored(grounds());
    lamp.adoptStored(grounds({ id: 6, keeps: false }));
    expect([lamp.answers, lamp.keeps]).toEqual([true, true]);
  });

  it('is learnt from the store where no birth was heard', () => {
    const lamp = new DeviceCache().find(TOPIC)!;
    lamp.adoptStored(grounds({ id: 6, keeps: true }));
    expect([lamp.answers, lamp.keeps]).toEqual([true, true]);
  });
});
