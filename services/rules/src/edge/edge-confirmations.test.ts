import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import type { AcknowledgementOutcome } from '@lamplighter/store/delivery/acknowledge-commands';
import { edgeConfirmations } from './edge-confirmations.js';

const SUCCEEDED: Acknowledgement = { id: '1', status: 'succeeded', result: { edge_rule: 'fan@1' } };

/** The confirmations of one acknowledgement by `hall/lamp-1` of the command with the lane sequence number 7. */
const confirm = (acknowledgement: Acknowledgement, outcome: AcknowledgementOutcome['outcome'] | 'failed') =>
  edgeConfirmations(
    [{ fleet: 'hall', name: 'lamp-1', acknowledgement }],
    [
      outcome === 'failed'
        ? outcome
        : { outcome, source: 'api', ageMs: 0, nextIsDue: false, isBack: false, seq: 7, aborted: [] },
    ],
  );

describe('edgeConfirmations', () => {
  it.each(['succeeded', 'repeated', 'late'] as const)('accepts an acknowledgement that is %s', (outcome) => {
    expect(confirm(SUCCEEDED, outcome)).toEqual([
      { fleet: 'hall', device: 'lamp-1', confirmed: 'fan@1', seq: 7 },
    ]);
  });

  it('accepts the removal of a rule', () => {
    const [confirmation] = confirm({ ...SUCCEEDED, result: { edge_rule: null } }, 'succeeded');
    expect(confirmation).toMatchObject({ confirmed: null });
  });

  it.each<
    [what: string, acknowledgement: Acknowledgement, outcome: AcknowledgementOutcome['outcome'] | 'failed']
  >([
    ['of a command that does not exist', SUCCEEDED, 'missing'],
    ['of a command of another device', SUCCEEDED, 'foreign'],
    ['that could not be stored', SUCCEEDED, 'failed'],
    ['that reports a failure', { ...SUCCEEDED, status: 'failed' }, 'repeated'],
    ['without an edge rule', { ...SUCCEEDED, result: { led_on: true } }, 'succeeded'],
    ['without a result', { id: '1', status: 'succeeded' }, 'succeeded'],
  ])('ignores an acknowledgement %s', (_what, acknowledgement, outcome) => {
    expect(confirm(acknowledgement, outcome)).toEqual([]);
  });
});
