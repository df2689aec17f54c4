import { LATENCY_BUCKETS, Metrics, show, whenScraped } from './metrics.js';

const metrics = () => new Metrics('test', '1.2.3');
const exposed = async ({ registry }: Metrics) =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith('lamplighter_x'));

describe('Metrics', () => {
  it('exposes every combination of label values as 0 from the start', async () => {
    const own = metrics();
    own.counter('x_total', 'Xs', { result: ['ok', 'error'], op: ['read', 'write'] });
    expect((await exposed(own)).sort()).toEqual([
      'lamplighter_x_total{result="error",op="read"} 0',
      'lamplighter_x_total{result="error",op="write"} 0',
      'lamplighter_x_total{result="ok",op="read"} 0',
      'lamplighter_x_total{result="ok",op="write"} 0',
    ]);
  });

  it('records declarations', () => {
    const own = metrics();
    own.histogram('x_seconds', 'Duration of an x', LATENCY_BUCKETS, { stage: ['a', 'b'] });
    own.gauge('x_state', 'Xs by state', { state: ['on', 'off'] });
    own.gauge('x_info', 'What x is', ['version']);
    expect(own.declarations.get('lamplighter_x_seconds')).toEqual({
      type: 'histogram',
      labels: { stage: ['a', 'b'] },
    });
    expect(own.declarations.get('lamplighter_x_state')?.labels).toEqual({ state: ['on', 'off'] });
    expect(own.declarations.get('lamplighter_x_info')?.labels).toEqual({ version: [] });
  });

  it('reads a metric from its source on scrape, and omits it without a value', async () => {
    const own = metrics();
    let source: number | undefined;
    whenScraped(own.counter('x_total', 'Xs that the source has counted'), (counter) => show(counter, source));
    expect(await exposed(own)).toEqual([]);
    source = 41;
    expect(await exposed(own)).toEqual(['lamplighter_x_total 41']);
    source = 3;
    expect(await exposed(own)).toEqual(['lamplighter_x_total 3']);
  });

  it('includes Node, event loop and disk metrics', async () => {
    const text = await metrics().registry.metrics();
    for (const name of [
      'process_resident_memory_bytes',
      'process_open_fds',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_gc_duration_seconds',
    ]) {
      expect(text).toContain(`\n# TYPE ${name} `);
    }
    expect(text).toMatch(/^lamplighter_disk_free_bytes [1-9]/m);
    expect(text).toMatch(/^lamplighter_build_info\{version="1.2.3",node="v[^"]+",service="test"\} 1$/m);
  });
});
