import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import type { AcknowledgementOutcome } from '@lamplighter/store/delivery/acknowledge-commands';
import type { EdgeConfirmation } from '@lamplighter/store/edge/edge-settings';
import { z } from 'zod';

const resultSchema = z.object({ [EDGE_RULE_KEY]: z.string().max(100).nullable() });

/**
 * The confirmations of edge rules among acknowledgements. A repeated acknowledgement counts too, because a crash can separate the command's
 * final state from the confirmation. So does a late one: the device has installed the rule, although the command had ended as `unknown`.
 */
export function edgeConfirmations(
  acknowledgements: readonly {
    readonly fleet: string;
    readonly name: string;
    readonly acknowledgement: Acknowledgement;
  }[],
  outcomes: readonly (AcknowledgementOutcome | 'failed')[],
): EdgeConfirmation[] {
  return acknowledgements.flatMap(({ fleet, name, acknowledgement: { status, result } }, i) => {
    const stored = outcomes[i]!;
    if (status !== 'succeeded' || result === undefined || stored === 'failed') return [];
    if (stored.outcome === 'missing' || stored.outcome === 'foreign') return [];
    const parsed = resultSchema.safeParse(result).data;
    return parsed === undefined
      ? []
      : [{ fleet, device: name, confirmed: parsed[EDGE_RULE_KEY], seq: stored.seq }];
  });
}
