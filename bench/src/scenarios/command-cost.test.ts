import type { Sample } from '../results/sample.js';
import { commandCosts } from './command-cost.js';

const sample = (crossingEvery: number, serviceCpu: number, redisCpu: number): Sample => ({
  scenario: 'flat-out',
  service: 'a',
  qos: 1,
  crossingEvery,
  figures: { serviceCpu, redisCpu },
});

describe('commandCosts', () => {
  it('divides the difference between two loads by the difference between their shares of crossings', () => {
    // A reading costs 10 and 4 µs, a command 100 and 200 µs.
    const often = [sample(20, 15, 14), sample(20, 15, 14)];
    const [cost] = commandCosts(often, [sample(1000, 10.1, 4.2)], false);
    expect(cost).toMatchObject({
      scenario: 'command',
      service: 'a',
      qos: 1,
      crossingEvery: 20,
      acknowledged: false,
    });
    expect(cost!.figures.serviceUs).toBeCloseTo(100);
    expect(cost!.figures.redisUs).toBeCloseTo(200);
  });

  it('needs both loads', () => {
    expect(commandCosts([sample(20, 15, 14)], [], false)).toEqual([]);
  });
});
