import type { Answer } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import type { AcknowledgementOutcome } from '@lamplighter/store/delivery/acknowledge-commands';
import { z } from 'zod';

/** A device has said by which rule it goes, `<rule>@<version>`, or that it goes by none. */
export interface EdgeConfirmation {
  readonly fleet: string;
  readonly device: string;
  readonly confirmed: string | null;
}

const resultSchema = z.object({ [EDGE_RULE_KEY]: z.string().max(100).nullable() });

/** Those among the answers that say it. A repeated one counts too: the first may not have been kept. */
export function edgeConfirmations(
  answers: readonly { readonly fleet: string; readonly name: string; readonly answer: Answer }[],
  outcomes: readonly (AcknowledgementOutcome | 'failed')[],
): EdgeConfirmation[] {
  return answers.flatMap(({ fleet, name, answer: { status, result } }, i) => {
    const answered = outcomes[i]!;
    if (status !== 'succeeded' || result === undefined || answered === 'failed') return [];
    if (answered.outcome !== 'succeeded' && answered.outcome !== 'repeated') return [];
    const said = resultSchema.safeParse(result).data;
    return said === undefined ? [] : [{ fleet, device: name, confirmed: said[EDGE_RULE_KEY] }];
  });
}
