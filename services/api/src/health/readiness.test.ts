import type { StoreLink } from '../store/store-link.js';
import { Readiness } from './readiness.js';

/** A link to a Redis that does not answer; `onAsked` is what is learnt when it is asked. */
function frozen(problems: () => string[], onAsked: () => void = () => undefined): StoreLink {
  return {
    get redis() {
      onAsked();
      throw new Error('Command timed out');
    },
    problems,
  } as unknown as StoreLink;
}

it('is not ready when Redis goes while it is asked for the canary', async () => {
  let known: string[] = [];
  const link = frozen(
    () => known,
    () => {
      known = ['Redis is away: no answer'];
    },
  );
  expect(await new Readiness(link).problems()).toEqual(['Redis is away: no answer']);
});

it('says that Redis does not answer when nothing else is known of it yet', async () => {
  expect(await new Readiness(frozen(() => [])).problems()).toEqual(['Redis does not answer']);
});
