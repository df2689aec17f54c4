import { medianOf, type Sample } from '../results/sample.js';

/**
 * The CPU of a command, by service: the difference between two loads that differ only in their share of crossings, divided by the
 * difference between the shares. CPU seconds per million readings are microseconds per reading.
 */
export function commandCosts(
  often: readonly Sample[],
  rarely: readonly Sample[],
  acknowledged: boolean,
): Sample[] {
  const services = [...new Set(often.map(({ service }) => service))];
  return services.flatMap((service) => {
    const one = often.find((sample) => sample.service === service);
    const other = rarely.find((sample) => sample.service === service);
    if (one?.crossingEvery === undefined || other?.crossingEvery === undefined) return [];
    const share = 1 / one.crossingEvery - 1 / other.crossingEvery;
    const cost = (figure: 'serviceCpu' | 'redisCpu') => {
      const [more, less] = [often, rarely].map((samples) => medianOf(samples, { service }, figure));
      return ((more ?? Number.NaN) - (less ?? Number.NaN)) / share;
    };
    return {
      scenario: 'command' as const,
      service,
      ...(one.qos !== undefined && { qos: one.qos }),
      crossingEvery: one.crossingEvery,
      acknowledged,
      figures: { serviceUs: cost('serviceCpu'), redisUs: cost('redisCpu') },
    };
  });
}
