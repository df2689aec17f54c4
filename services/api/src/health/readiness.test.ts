import type { StoreLink } from '../store/store-link.js';
import { Readiness } from './readiness.js';

/** A link to a Redis that does not reply; `onAsked` runs on each access. */
function frozen(problems: () => string[], onAsked: () => void = () => undefined): StoreLink {
  return {
    get redis() {
      onAsked();
      throw new Error('Command timed out');
    },
    problems,
  } as unknown as StoreLink;
}

it('is not ready when Redis becomes unavailable while the canary is read', async () => {
  let known: string[] = [];
  const link = frozen(
    () => known,
    () => {
      known = ['Redis is unavailable: no reply'];
    },
  );
  expect(await new Readiness(link).problems()).toEqual(['Redis is unavailable: no reply']);
});

it('reports that Redis does not reply before the health check notices', async () => {
  expect(await new Readiness(frozen(() => [])).problems()).toEqual(['Redis does not reply']);
});
