import { createApiKey } from '@lamplighter/store/access/api-keys';
import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { connected } from '../../tools/test-kit/src/store/store-under-test.js';
import { type Stack, startStack } from '../system/stack.js';
import { keepOtherFleetGoing, type OtherFleet } from './other-fleet.js';

const GAIN = '{"scopes":["admin"],"isPolluted":true,"light":1}';
const POLLUTING = [
  `{"__proto__":${GAIN}}`,
  `{"constructor":{"prototype":${GAIN}}}`,
  `{"prototype":${GAIN}}`,
  `{"a":{"__proto__":${GAIN}}}`,
  `{"\\u005f_proto__":${GAIN}}`,
];

let stack: Stack;
let others: OtherFleet;
beforeAll(async () => {
  stack = await startStack();
  others = await keepOtherFleetGoing(stack);
}, 60_000);

it('polluting keys in telemetry, births and acknowledgements are rejected and counted', async () => {
  const fleet = await stack.broker.newFleet();
  const device = await connectDevice(fleet, 'lamp');
  const rejected = (kind: string) => stack.metric('lamplighter_input_rejected_total', { kind });
  const before = await rejected('telemetry');
  for (const kind of ['telemetry', 'presence', 'acknowledgements'])
    for (const payload of POLLUTING) await device.publish(`${fleet.name}/${kind}/lamp`, payload);
  await until(async () => (await rejected('telemetry')) - before === POLLUTING.length, {
    what: 'all readings to be rejected',
  });
  for (const kind of ['presence', 'acknowledgement'])
    await until(async () => (await rejected(kind)) >= POLLUTING.length, {
      what: `each ${kind} to be rejected`,
    });
  await device.sendReading({ temperature: 20 });
  const { body } = await stack.lastState(fleet, 'lamp', ({ temperature }) => temperature === 20);
  expect(body.last.measurements).toEqual({ temperature: 20 });
  await others.expectServed();
}, 60_000);

it('polluting keys in requests give a key no scope, and change no later response', async () => {
  const { key } = await createApiKey(await connected(stack.redis.url), { scopes: ['read'] });
  const authorization = `Bearer ${key}`;
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet, 'lamp');
  await lamp.sendReading({ light: 412 });
  await stack.lastState(fleet, 'lamp', ({ light }) => light === 412);
  const places = [
    'devices/lamp/commands',
    'devices/lamp/settings',
    'rules',
    'settings',
    'rollouts',
    'selection',
  ];
  for (const body of POLLUTING) {
    for (const place of places) {
      const method = place.endsWith('settings') ? 'PUT' : 'POST';
      const { status } = await stack.send(method, `/v1/fleets/${fleet.name}/${place}`, body);
      expect([place, status >= 400 && status < 500]).toEqual([place, true]);
    }
    expect((await stack.send('POST', '/v1/keys', body, { authorization })).status).toBe(403);
  }
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString'])
    for (const path of [
      `/v1/fleets/${name}`,
      `/v1/fleets/${name}/devices/${name}`,
      `/v1/fleets/${fleet.name}/rules/${name}`,
      `/v1/commands/${name}`,
      `/v1/fleets/${fleet.name}/devices?${name}[isPolluted]=true`,
    ]) {
      const { status } = await stack.get(path);
      expect([path, status >= 400 && status < 500]).toEqual([path, true]);
    }
  expect((await stack.send('POST', '/v1/keys', '{}', { authorization })).status).toBe(403);
  const device = (await stack.get(`/v1/fleets/${fleet.name}/devices/lamp`)).body;
  expect(JSON.stringify(device)).not.toContain('isPolluted');
  await others.expectServed();
}, 60_000);
