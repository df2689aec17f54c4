import { parseBrokerUrl } from '@lamplighter/device/connection/broker';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker, type TestBroker, type TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { BrokerLink } from './broker-link.js';
import { NameReservation } from './name-reservation.js';

/** A reservation in the fleet, with counts of its outages and losses. */
function reserveIn(fleet: TestFleet) {
  const seen = { outages: 0, lost: 0 };
  const reservation = new NameReservation({
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
  closeLater('reservation', () => reservation.release());
  return { seen, reservation };
}

describe('NameReservation', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker();
  });

  it('reserves the lowest free block for each simulator', async () => {
    const fleet = await broker.newFleet();
    expect(await reserveIn(fleet).reservation.take()).toBe(1);
    expect(await reserveIn(fleet).reservation.take()).toBe(2);
    expect(await reserveIn(fleet).reservation.take()).toBe(3);
  });

  it('is independent for each fleet', async () => {
    expect(await reserveIn(await broker.newFleet()).reservation.take()).toBe(1);
    expect(await reserveIn(await broker.newFleet()).reservation.take()).toBe(1);
  });

  it('gives simulators that start simultaneously different blocks', async () => {
    const fleet = await broker.newFleet();
    const blocks = await Promise.all(Array.from({ length: 6 }, () => reserveIn(fleet).reservation.take()));
    expect(new Set(blocks).size).toBe(6);
    expect(blocks).not.toContain(undefined);
  });

  it('frees the block on release', async () => {
    const fleet = await broker.newFleet();
    const first = reserveIn(fleet).reservation;
    await first.take();
    await reserveIn(fleet).reservation.take();
    await first.release();
    expect(await reserveIn(fleet).reservation.take()).toBe(1);
  });

  it('returns undefined if the account may not publish claims', async () => {
    expect(
      await reserveIn({ name: 'foreign', url: broker.fleetUrl('demo') }).reservation.take(),
    ).toBeUndefined();
  });
});

describe('NameReservation with a failing connection', () => {
  it('waits for the broker, and keeps the block across its restart', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    await broker.stop();
    const { reservation, seen } = reserveIn(fleet);
    const block = reservation.take();
    await until(() => seen.outages, { what: 'a failed attempt' });
    await broker.start();
    expect(await block).toBe(1);
    const before = seen.outages;
    await broker.kill();
    await until(() => seen.outages > before, { what: 'the loss to be detected' });
    await broker.start();
    const asker = await BrokerLink.open(parseBrokerUrl(fleet.url), 'asker');
    closeLater('asker', () => asker.close());
    await until(async () => (await asker.findSubscriber(`${fleet.name}/claims/1`)) === 'found', {
      what: 'the block to be reserved again',
    });
    expect(seen.lost).toBe(0);
  }, 60_000);

  it('stops retrying on release', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    await broker.stop();
    const { reservation, seen } = reserveIn(fleet);
    const block = reservation.take();
    await until(() => seen.outages, { what: 'a failed attempt' });
    await Promise.all([expect(block).rejects.toThrow('aborted'), reservation.release()]);
  });

  it('is lost if another simulator takes the block in the meantime', async () => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const { reservation, seen } = reserveIn(fleet);
    await reservation.take();
    const other = await connectMqtt(fleet.url);
    await other.subscribe(`${fleet.name}/claims/1`);
    await connectMqtt(fleet.url, { clientId: `lamplighter-device-sim-${fleet.name}-1` });
    await until(() => seen.lost, { what: 'the holder to yield' });
  });
});
