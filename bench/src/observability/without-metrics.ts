/**
 * Loaded before a service (`node --import`): its metrics count nothing, and those of Node are not collected. The services
 * themselves have no such switch. What stays is the call of an empty function with its arguments, which no build could leave out
 * and still be the same code.
 */
import { createRequire } from 'node:module';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type MetricClass = { readonly prototype: Record<string, Method> };

// The copy of prom-client that the service will import, as it is CommonJS: found from the service's own file.
const prom = createRequire(process.argv[1]!)('prom-client') as Record<string, MetricClass | Method>;
for (const name of ['Counter', 'Gauge', 'Histogram', 'Summary']) {
  const { prototype } = prom[name] as MetricClass;
  for (const method of ['inc', 'dec', 'set', 'observe', 'zero', 'remove', 'setToCurrentTime'])
    if (method in prototype) prototype[method] = () => undefined;
}
prom.collectDefaultMetrics = () => undefined;
