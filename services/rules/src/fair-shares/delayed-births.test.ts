import type { MqttMessage } from '../mqtt/messages.js';
import { DelayedBirths } from './delayed-births.js';

const birth = (topic: string, payload = '{}') => ({ topic, payload: Buffer.from(payload) }) as MqttMessage;
const topics = (messages: readonly MqttMessage[]) => messages.map(({ topic }) => topic);
const always = () => true;

it('births are taken once, the oldest of each fleet first', () => {
  const births = new DelayedBirths();
  for (const topic of ['a', 'b', 'c']) births.add('demo', birth(topic));
  births.add('plant', birth('d'));
  expect(topics(births.take(2, always))).toEqual(['a', 'b', 'd']);
  expect(topics(births.take(2, always))).toEqual(['c']);
  expect(births.isEmpty).toBe(true);
});

it('births of a fleet that cannot add devices stay', () => {
  const births = new DelayedBirths();
  births.add('demo', birth('a'));
  births.add('plant', birth('b'));
  expect(topics(births.take(10, (fleet) => fleet === 'plant'))).toEqual(['b']);
  expect(topics(births.take(10, always))).toEqual(['a']);
});

it('a newer message of a device replaces its birth', () => {
  const births = new DelayedBirths();
  births.add('demo', birth('a', '1'));
  births.add('demo', birth('a', '2'));
  expect(births.take(10, always).map(({ payload }) => payload.toString())).toEqual(['2']);
  births.add('demo', birth('a'));
  births.drop('demo', 'a');
  expect(births.isEmpty).toBe(true);
});

it('a kept payload does not change with the buffer of the socket', () => {
  const births = new DelayedBirths();
  const message = birth('a', 'birth');
  births.add('demo', message);
  message.payload.fill(0);
  expect(births.take(1, always)[0]!.payload.toString()).toBe('birth');
});

it('a fleet cannot use up the space of another one, and large payloads are not kept', () => {
  const births = new DelayedBirths();
  const fill = (fleet: string) => {
    let count = 0;
    while (births.add(fleet, birth(`${fleet}-${count}`))) count += 1;
    return count;
  };
  expect(fill('evil')).toBe(10_000);
  expect(births.add('demo', birth('large', 'x'.repeat(1025)))).toBe(false);
  expect(fill('demo')).toBe(10_000);
  expect(fill('plant')).toBe(0);
  expect(births.take(20_000, always)).toHaveLength(20_000);
  expect(births.add('plant', birth('a'))).toBe(true);
});
