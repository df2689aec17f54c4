import { until } from '@lamplighter/test-kit/until';
import type { Stack } from './stack.js';

/** A sample of `GET /v1/rejected`. */
export interface Sample {
  readonly kind: string;
  readonly reason: string;
  readonly accepted?: true;
  readonly fleet?: string;
  readonly device?: string;
  readonly field?: string;
  readonly problem: string;
  readonly topic?: string;
  readonly client?: string;
  readonly payload: string;
}

/** The first matching sample of a query. The number of samples per second is limited, so `send` is repeated until there is one. */
export function rejectedSample(
  stack: Stack,
  query: string,
  send: () => Promise<unknown>,
  matches: (sample: Sample) => boolean = () => true,
): Promise<Sample> {
  return until(
    async () => {
      await send();
      const { rejected } = (await stack.get(`/v1/rejected?limit=200&${query}`)).body as {
        rejected: Sample[];
      };
      return rejected.find(matches);
    },
    { what: `a sample for ${query}`, everyMs: 500 },
  );
}
