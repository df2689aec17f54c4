import { enrolDevices } from '@lamplighter/store/accounts/device-accounts';
import request from 'supertest';
import {
  accountPageSchema,
  accountSchema,
  enrolledDevicesSchema,
} from '../../../services/api/src/accounts/account.schema.js';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi();
}, 60_000);

let fleets = 0;
let fleet: string;
beforeEach(() => {
  fleets += 1;
  fleet = `plant-${fleets}`;
});

const devices = (...names: string[]) =>
  api.post(`/v1/fleets/${fleet}/devices`, { devices: names.map((name) => `${name}-${fleets}`) });
const path = (name: string) => `/v1/fleets/${fleet}/devices/${name}-${fleets}`;
const put = (url: string, body: object) =>
  request(api.api.url).put(url).set('Authorization', `Bearer ${api.key}`).send(body);
const problem = (type: string) => expect.objectContaining({ type: `urn:lamplighter:problem:${type}` });

describe('enrolling devices', () => {
  it('returns a password for each, and never again', async () => {
    const { status, body } = await devices('pump', 'fan');
    expect(status).toBe(201);
    expect(enrolledDevicesSchema.parse(body)).toEqual(body);
    expect(body.devices).toMatchObject([
      { fleet, device: `pump-${fleets}` },
      { fleet, device: `fan-${fleets}` },
    ]);
    const read = await Promise.all([
      api.get(`${path('pump')}/account`),
      api.get(`/v1/fleets/${fleet}/accounts`),
    ]);
    for (const { text } of read)
      for (const { password } of body.devices) expect(text).not.toContain(password);
  });

  it.each([
    ['without devices', { devices: [] }],
    ['with too many devices', { devices: Array.from({ length: 501 }, (_, i) => `d${i}`) }],
    ['with the same name twice', { devices: ['a', 'a'] }],
    ['with an invalid name', { devices: ['a/b'] }],
    ['with the name of a service', { devices: ['rules'] }],
    ['with the name of the health check', { devices: ['health'] }],
    ['with the name of a reader', { devices: ['demo.reader'] }],
    ['with another field', { devices: ['a'], password: 'secret' }],
  ])('is refused %s', async (_, body) => {
    const response = await api.post(`/v1/fleets/${fleet}/devices`, body);
    expect([response.status, response.body]).toEqual([400, problem('invalid-request')]);
  });

  it('accepts as many devices as the limit, with the longest names', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `${fleet}.${i}`.padEnd(64, 'x'));
    const response = await api.post(`/v1/fleets/${fleet}/devices`, { devices: names });
    expect([response.status, response.body.devices.length]).toEqual([201, 500]);
  });

  it('is refused for a name that has an account anywhere; no device is enrolled then', async () => {
    await enrolDevices(api.store, 'elsewhere', [`fan-${fleets}`]);
    const response = await devices('pump', 'fan');
    expect([response.status, response.body]).toEqual([409, problem('name-taken')]);
    expect(response.body.detail).toContain(`fan-${fleets}`);
    expect((await api.get(`${path('pump')}/account`)).status).toBe(404);
  });

  it('is refused for the name of its own fleet, and of a fleet with devices', async () => {
    await api
      .post('/v1/fleets/depot/devices/gate/commands?allowUnknown=true', { action: { open: true } })
      .expect(202);
    for (const name of [fleet, 'depot']) {
      const response = await api.post(`/v1/fleets/${fleet}/devices`, { devices: [name] });
      expect([response.status, response.body]).toEqual([409, problem('name-taken')]);
    }
  });
});

describe('the account of a device', () => {
  beforeEach(() => devices('pump', 'fan').expect(201));

  it('is disabled and enabled again', async () => {
    expect((await put(`${path('pump')}/account`, { enabled: false })).body.enabled).toBe(false);
    expect((await api.get(`${path('pump')}/account`)).body.enabled).toBe(false);
    const enabled = await put(`${path('pump')}/account`, { enabled: true });
    expect(accountSchema.parse(enabled.body)).toEqual(enabled.body);
    expect(enabled.body).toMatchObject({ fleet, device: `pump-${fleets}`, enabled: true });
  });

  it('gets another password', async () => {
    const [first, second] = [
      await api.post(`${path('pump')}/account/password`),
      await api.post(`${path('pump')}/account/password`),
    ];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body).toMatchObject({ fleet, device: `pump-${fleets}` });
    expect(second.body.password).not.toBe(first.body.password);
  });

  it('is revoked with the device, whose name is not given to another one', async () => {
    const removed = await api.delete(path('pump'));
    expect([removed.status, removed.body.presence]).toEqual([200, 'never_seen']);
    for (const response of [
      await api.get(`${path('pump')}/account`),
      await put(`${path('pump')}/account`, { enabled: true }),
      await api.post(`${path('pump')}/account/password`),
    ])
      expect([response.status, response.body]).toEqual([404, problem('no-such-account')]);
    expect((await api.delete(path('pump'))).status).toBe(404);
    expect((await devices('pump')).body).toEqual(problem('name-taken'));
  });

  it('belongs only to its fleet', async () => {
    const other = path('pump').replace(fleet, 'depot');
    expect((await api.get(`${other}/account`)).status).toBe(404);
    expect((await put(`${other}/account`, { enabled: false })).status).toBe(404);
    expect((await api.post(`${other}/account/password`)).status).toBe(404);
    expect((await api.get(`${path('pump')}/account`)).body.enabled).toBe(true);
  });

  it('is in the list of its fleet', async () => {
    const first = await api.get(`/v1/fleets/${fleet}/accounts?limit=1`);
    expect(accountPageSchema.parse(first.body)).toEqual(first.body);
    expect(first.body).toMatchObject({ accounts: [{ device: `fan-${fleets}` }], next: `fan-${fleets}` });
    const rest = await api.get(`/v1/fleets/${fleet}/accounts?limit=1&cursor=${first.body.next}`);
    expect(rest.body).toEqual({ accounts: [expect.objectContaining({ device: `pump-${fleets}` })] });
  });
});
