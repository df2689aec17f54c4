import type { StoredDeviceState } from '@lamplighter/store/telemetry/device-part';
import { DeviceCache } from './device-cache.js';

const TOPIC = 'demo/telemetry/lamp-1';
const stored = (session?: StoredDeviceState['session']): StoredDeviceState => ({
  version: '0',
  mark: { seq: undefined, at: undefined },
  rules: '',
  kinds: '',
  session,
});

describe('DeviceCache', () => {
  it('learns from births whether a device acknowledges and expects receipts', () => {
    const devices = new DeviceCache();
    const lamp = devices.find(TOPIC)!;
    expect([lamp.acknowledges, lamp.expectsReceipts]).toEqual([false, false]);
    devices.announce(TOPIC, { id: 1, keeps: true });
    expect([lamp.acknowledges, lamp.expectsReceipts]).toEqual([true, true]);
    devices.announce(TOPIC, { id: 2, keeps: false });
    expect([lamp.acknowledges, lamp.expectsReceipts]).toEqual([true, false]);
  });

  it('uses the latest birth, even if its session number is lower', () => {
    const devices = new DeviceCache();
    const lamp = devices.find(TOPIC)!;
    devices.announce(TOPIC, { id: 64_698_438_051_149, keeps: false });
    devices.announce(TOPIC, { id: 4000, keeps: true });
    expect(lamp.expectsReceipts).toBe(true);
  });

  it('keeps a birth when the store returns an older session, or none', () => {
    const devices = new DeviceCache();
    const lamp = devices.find(TOPIC)!;
    devices.announce(TOPIC, { id: 7, keeps: true });
    lamp.adoptStored(stored());
    lamp.adoptStored(stored({ id: 6, keeps: false }));
    expect([lamp.acknowledges, lamp.expectsReceipts]).toEqual([true, true]);
  });

  it('uses the session from the store if no birth was received', () => {
    const lamp = new DeviceCache().find(TOPIC)!;
    lamp.adoptStored(stored({ id: 6, keeps: true }));
    expect([lamp.acknowledges, lamp.expectsReceipts]).toEqual([true, true]);
  });
});
