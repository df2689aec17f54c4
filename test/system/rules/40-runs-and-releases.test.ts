// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import type { RestartableService } from '@lamplighter/test-kit/servers/restartable-service';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import { startStackWithReplica } from '../replicas.js';
import { expectProblem, expectRule, putRule, rulesOf } from '../rule-requests.js';
import type { Stack } from '../stack.js';

let stack: Stack;
let replica: RestartableService;
beforeAll(async () => {
  ({ stack, replica } = await startStackWithReplica());
}, 60_000);

const LIMIT_MS = 60_000;
/** Due timers are read four times a second; a busy machine adds to that. */
const LATE_MS = 2500;
/** A write is in force in every replica within a second; a busy machine gets twice that. */
const IN_FORCE_MS = 2000;

const WATER = {
  id: 'water',
  when: 'soil > 450',
  then: { pump: true },
  else: { pump: false },
  run: { seconds: '4', max: '10s' },
};
const { run: _, ...WITHOUT_RUN } = WATER;
const ANY = { 'if-match': '*' };

const commandsOf = async (fleet: TestFleet, device: string) =>
  (await stack.get(`/v1/fleets/${fleet.name}/devices/${device}/commands`)).body.commands as {
    id: string;
    createdAt: string;
    action: object;
  }[];
const why = async (id: string) => (await stack.get(`/v1/commands/${id}/why`)).body;

/** A pump that its rule has just started. */
async function startPump(rule: typeof WATER | typeof WITHOUT_RUN = WATER) {
  const fleet = await stack.broker.newFleet();
  expectRule(await putRule(stack, fleet, rule, { 'if-none-match': '*' }), 201, 1);
  const pump = await connectDevice(fleet, 'pump-1');
  await pump.sendReading({ soil: 500 });
  expect(await pump.nextCommand()).toEqual({ pump: true });
  return { fleet, pump, water: `${rulesOf(fleet)}/water` };
}

/** Expects that the pump is stopped once, at the end of its run, and returns the explanation. */
async function expectStop(fleet: TestFleet, pump: TestDevice) {
  expect(await pump.nextCommand()).toEqual({ pump: false });
  const [off, on] = await commandsOf(fleet, pump.device);
  const ranMs = Date.parse(off!.createdAt) - Date.parse(on!.createdAt);
  // `createdAt` is the time of Redis, a few milliseconds after the decision.
  expect(ranMs).toBeGreaterThan(3900);
  expect(ranMs).toBeLessThan(4000 + LATE_MS);
  expect(await commandsOf(fleet, pump.device)).toHaveLength(2);
  return why(off!.id);
}

describe('a run ends at its promised time', () => {
  it(
    'when its rule is disabled and then deleted',
    async () => {
      const { fleet, pump, water } = await startPump();
      expect((await stack.send('POST', `${water}/disable`)).status).toBe(200);
      expect((await stack.send('DELETE', water, undefined, ANY)).status).toBe(204);
      const { because, sentences } = await expectStop(fleet, pump);
      expect(because).toMatchObject({ rule: 'water', version: 1, replayed: true });
      expect(sentences).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^rule "water", version 1, issued \{"pump":false\} for pump-1 at /),
          expect.stringMatching(/^version 1 had started a run 4.* s earlier, at /),
          expect.stringMatching(/^version 1 had promised to end the run at .* with \{"pump":false\}$/),
          'the rule was deleted in the meantime',
          'the run was over, so {"pump":false} was sent',
        ]),
      );
    },
    LIMIT_MS,
  );

  it(
    'when its rule is replaced by one without a run, which is evaluated only afterwards',
    async () => {
      const { fleet, pump } = await startPump();
      const dry = { ...WITHOUT_RUN, when: 'soil > 700' };
      const { body } = await stack.send('POST', `${rulesOf(fleet)}/water/diff`, { candidate: dry });
      expect(body.started).toMatchObject({
        ...{ goesOn: 0, endsInTime: 1, released: 0, stays: 0 },
        devices: [{ device: 'pump-1', fate: 'ends_in_time', until: expect.any(String) }],
      });
      expect(body.sentences).toContain(
        `pump-1: the run until ${body.started.devices[0].until} no longer belongs to the rule and ends at its promised time`,
      );
      expectRule(await putRule(stack, fleet, dry, ANY), 200, 2);
      await pump.sendReading({ soil: 900 });
      const { body: whyNot } = await stack.get(`/v1/fleets/${fleet.name}/devices/pump-1/why-not?rule=water`);
      expect(whyNot.sentences).toContain(
        `a run started by version 1 ends at ${body.started.devices[0].until} with {"pump":false}`,
      );
      expect((await expectStop(fleet, pump)).because).toMatchObject({ version: 1, replayed: true });
      await pump.sendReading({ soil: 900 });
      expect(await pump.nextCommand()).toEqual({ pump: true });
    },
    LIMIT_MS,
  );

  it(
    'when the device leaves the scope of its rule, and a replica is killed',
    async () => {
      const { fleet, pump } = await startPump();
      expectRule(await putRule(stack, fleet, { ...WATER, scope: { devices: ['other'] } }, ANY), 200, 2);
      await replica.kill();
      const { sentences } = await expectStop(fleet, pump);
      expect(sentences).toContain('the device left the scope of the rule in the meantime');
      await replica.start();
      await replica.ready();
    },
    LIMIT_MS,
  );

  it(
    'when its rule is deleted and another one is created with the same id',
    async () => {
      const { fleet, pump, water } = await startPump();
      expect((await stack.send('DELETE', water, undefined, ANY)).status).toBe(204);
      const other = { id: 'water', when: 'heat > 30', then: { fan: true }, else: { fan: false } };
      expectRule(await putRule(stack, fleet, other), 201, 3);
      await expectStop(fleet, pump);
    },
    LIMIT_MS,
  );
});

describe('the action of a deleted rule', () => {
  it(
    'stays in effect, or is released with release=true',
    async () => {
      const { pump, water, fleet } = await startPump(WITHOUT_RUN);
      expect((await stack.send('DELETE', water, undefined, ANY)).status).toBe(204);
      const deletedMs = stopwatch();
      await until(() => deletedMs() > IN_FORCE_MS, { what: 'the deletion to be in force in every replica' });
      await pump.sendReading({ soil: 1 });
      await stack.lastState(fleet, 'pump-1', ({ soil }) => soil === 1);
      expect(pump.commands()).toHaveLength(1);

      const other = await startPump(WITHOUT_RUN);
      const { body } = await stack.send('POST', `${other.water}/diff`, { candidate: null, release: true });
      expect(body.started).toMatchObject({ released: 1, devices: [{ device: 'pump-1', fate: 'released' }] });
      expect((await stack.send('DELETE', `${other.water}?release=true`, undefined, ANY)).status).toBe(204);
      expect(await other.pump.nextCommand()).toEqual({ pump: false });
      const [off] = await commandsOf(other.fleet, 'pump-1');
      const { because, sentences } = await why(off!.id);
      expect(because).toMatchObject({ version: 1, replayed: true });
      expect(sentences).toContain('the rule was released, so {"pump":false} was sent');
    },
    LIMIT_MS,
  );

  it(
    'cannot be released by a rule without else',
    async () => {
      const fleet = await stack.broker.newFleet();
      const { else: _otherwise, ...rule } = WITHOUT_RUN;
      expectRule(await putRule(stack, fleet, rule), 201, 1);
      const response = await stack.send('POST', `${rulesOf(fleet)}/water/disable?release=true`);
      expectProblem(response, 400, 'invalid-request');
      expect(response.body.errors).toEqual([
        {
          in: 'query',
          pointer: '/release',
          detail: 'must be omitted: version 1 of the rule has no "else"',
        },
      ]);
    },
    LIMIT_MS,
  );
});

describe('the rules of a fleet that are switched off', () => {
  it(
    'send no commands, still end their runs, and start without state when they are switched on',
    async () => {
      const { fleet, pump } = await startPump();
      const setting = `/v1/fleets/${fleet.name}/settings/rules`;
      const off = await stack.send('PUT', setting, { enabled: false });
      expect(off).toMatchObject({ status: 200, body: { fleet: fleet.name, enabled: false } });
      expect((await stack.get(setting)).body).toEqual(off.body);
      const { sentences } = await expectStop(fleet, pump);
      expect(sentences).toContain('the rules of the fleet were switched off in the meantime');
      await pump.sendReading({ soil: 900 });
      await stack.lastState(fleet, 'pump-1', ({ soil }) => soil === 900);
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/pump-1/why-not?rule=water`);
      expect(body).toMatchObject({ outcome: 'rules_off', since: off.body.disabledAt, keptBy: [] });
      expect(body.sentences[0]).toBe(
        'the rules of this fleet are switched off, so rule "water" is not evaluated',
      );
      expect(pump.commands()).toHaveLength(2);
      expect((await stack.send('PUT', setting, { enabled: true })).body).toEqual({
        fleet: fleet.name,
        enabled: true,
      });
      await until(
        async () => {
          await pump.sendReading({ soil: 900 });
          return pump.commands().length === 3;
        },
        { what: 'the first command after the rules are switched on', timeoutMs: 10_000, everyMs: 100 },
      );
      expect(pump.commands()[2]).toEqual({ pump: true });
    },
    LIMIT_MS,
  );

  it(
    'release their actions with release=true',
    async () => {
      const { fleet, pump } = await startPump(WITHOUT_RUN);
      const setting = `/v1/fleets/${fleet.name}/settings/rules`;
      expect((await stack.send('PUT', setting, { enabled: false, release: true })).status).toBe(200);
      expect(await pump.nextCommand()).toEqual({ pump: false });
      expect(pump.commands()).toHaveLength(2);
    },
    LIMIT_MS,
  );
});
