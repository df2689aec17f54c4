import type { NetworkInterfaceInfo } from 'node:os';
import { lanAddress } from './lan-address.js';

const at = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;
const lo = [at('127.0.0.1', true)];
const eth0 = [at('192.168.1.20'), at('fe80::1')];

it('is the only address of the machine in a network, containers aside', () => {
  expect(lanAddress('', { lo, eth0, docker0: [at('172.17.0.1')] })).toBe('192.168.1.20');
});

it('is the named address if there are several', () => {
  const interfaces = { lo, eth0, wlan0: [at('10.0.0.7')] };
  expect(lanAddress('10.0.0.7', interfaces)).toBe('10.0.0.7');
  expect(() => lanAddress('', interfaces)).toThrow(
    'several addresses; name one with --lan=ADDRESS:\n  192.168.1.20  eth0\n  10.0.0.7  wlan0',
  );
});

it('is never one that the machine does not have', () => {
  expect(() => lanAddress('0.0.0.0', { lo, eth0 })).toThrow(
    'does not have the address 0.0.0.0; it has:\n  192.168.1.20  eth0',
  );
  expect(() => lanAddress('', { lo })).toThrow('no network address');
});
