import { recordedErrors } from '../../test/recorded-errors.js';
import type { StoreLink } from '../store/store-link.js';
import { Readiness } from './readiness.js';

/** The problems reported by a service whose read of the canary fails; `onRead` runs on each read. */
async function problemsAfter(
  error: Error,
  problems: () => string[] = () => [],
  onRead: () => void = () => undefined,
) {
  const link = {
    get redis() {
      onRead();
      throw error;
    },
    problems,
  } as unknown as StoreLink;
  const { errors, reports } = recordedErrors();
  return { problems: await new Readiness(link, errors).problems(), reports };
}

const TIMEOUT = new Error('Command timed out');

describe('Readiness', () => {
  it('is not ready when Redis becomes unavailable while the canary is read', async () => {
    let known: string[] = [];
    const found = await problemsAfter(
      TIMEOUT,
      () => known,
      () => {
        known = ['Redis is unavailable: no reply'];
      },
    );
    expect(found).toEqual({ problems: ['Redis is unavailable: no reply'], reports: [] });
  });

  it('reports that Redis does not reply before the health check notices', async () => {
    expect(await problemsAfter(TIMEOUT)).toEqual({ problems: ['Redis does not reply'], reports: [] });
  });

  it('is not ready after an unexpected error, and reports it', async () => {
    const bug = new TypeError('x is undefined');
    expect(await problemsAfter(bug)).toEqual({
      problems: ['the canary could not be read; see the API log'],
      reports: [['readiness', bug]],
    });
  });
});
