/**
 * Loaded before a service (`node --import`): tells on PROBE_PORT for how long the event loop was held up at most since it was last
 * asked, milliseconds as text. It looks every millisecond, so a loop that is never held up says about 1.
 */
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
createServer((_request, response) => {
  const { max } = delay;
  delay.reset();
  response.end(String(max / 1e6));
})
  .listen(Number(process.env.PROBE_PORT), '127.0.0.1')
  .unref();
