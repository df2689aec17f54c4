import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { BrokerLink } from './broker-link.js';
import { NameReservation } from './name-reservation.js';

/** A simulator's claim on a block of this fleet, and what happened to it. */
function claimOn(fleet: TestFleet) {
  const seen = { outages: 0, lost: 0 };
  const claim = new NameReservation({
    broker: parseBrokerUrl(fleet.url),
    fleet: fleet.name,
    backoff: { firstMs: 50, maxMs: 200 },
    onOutage: () => {
      seen.outages += 1;
    },
    onLost: () => {
      seen.lost += 1;
    },
  });
  closeLater('claim', () => claim.release());
  return { seen, claim };
}

describe('NameReservation', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('reserves the lowest free block for each simulator', async () => {
    const fleet = await broker.newFleet();
    expect(await claimOn(fleet).claim.take()).toBe(1);
    expect(await claimOn(fleet).claim.take()).toBe(2);
    expect(await claimOn(fleet).claim.take()).toBe(3);
  });

  it('is independent for each fleet', async () => {
    expect(await claimOn(await broker.newFleet()).claim.take()).toBe(1);
    expect(await claimOn(await broker.newFleet()).claim.take()).toBe(1);
  });

  it('gives simulators that start simultaneously different blocks', async () => {
    const fleet = await broker.newFleet();
    const blocks = await Promise.all(Array.from({ length: 6 }, () => claimOn(fleet).claim.take()));
    expect(new Set(blocks).size).toBe(6);
    expect(blocks).not.toContain(undefined);
  });

  it('frees the block on release', async () => {
    const fleet = await broker.newFleet();
    const first = claimOn(fleet).claim;
    await first.take();
    await claimOn(fleet).claim.take();
    await first.release();
    expect(await claimOn(fleet).claim.take()).toBe(1);
  });

  it('returns undefined if the account may not publish claims', async () => {
    expect(await claimOn({ name: 'foreign', url: broker.fleetUrl('demo') }).claim.take()).toBeUndefined();
  });
});

describe('NameReservation with a failing connection', () => {
  it('waits for the broker, and keeps the block across its restart', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    await broker.stop();
    const { claim, seen } = claimOn(fleet);
    const block = claim.take();
    await until(() => seen.outages, { what: 'an attempt that failed' });
    await broker.start();
    expect(await block).toBe(1);
    const before = seen.outages;
    await broker.kill();
    await until(() => seen.outages > before, { what: 'the loss to be noticed' });
    await broker.start();
    const asker = await BrokerLink.open(parseBrokerUrl(fleet.url), 'asker');
    closeLater('asker', () => asker.close());
    await until(async () => (await asker.findSubscriber(`${fleet.name}/claims/1`)) === 'found', {
      what: 'the block to be held again',
    });
    expect(seen.lost).toBe(0);
  }, 60_000);

  it('stops retrying on release', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    await broker.stop();
    const { claim, seen } = claimOn(fleet);
    const block = claim.take();
    await until(() => seen.outages, { what: 'an attempt that failed' });
    await Promise.all([expect(block).rejects.toThrow('aborted'), claim.release()]);
  });

  it('is lost if another simulator takes the block in the meantime', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const { claim, seen } = claimOn(fleet);
    await claim.take();
    const other = await connectMqtt(fleet.url);
    await other.subscribe(`${fleet.name}/claims/1`);
    await connectMqtt(fleet.url, { clientId: `lamplighter-device-sim-${fleet.name}-1` });
    await until(() => seen.lost, { what: 'the holder to yield' });
  });
});
