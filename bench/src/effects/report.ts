import type { EffectOutcome } from '@lamplighter/store/effect-record';
import type { Score } from './score.js';

const OUTCOMES: readonly EffectOutcome[] = ['effective', 'ineffective', 'unmeasured', 'pending'];

/** What was found, as Markdown. */
export function effectsMarkdown(
  { when, hold, effect }: { when: string; hold: string; effect: { expect: string; within: string } },
  found: Score,
  fleet: {
    readonly devices: number;
    readonly suspects: ReadonlySet<string>;
    readonly burnsOut: ReadonlyMap<string, number>;
  },
): string {
  const row = (what: string, outcomes: Score['burnt']) =>
    `| ${what} | ${OUTCOMES.map((outcome) => outcomes[outcome]).join(' | ')} |`;
  const { suspects, burnsOut } = fleet;
  const rightly = [...suspects].filter((device) => burnsOut.has(device)).length;
  return [
    '## Effect checks',
    '',
    `\`${when}\` for ${hold}; \`${effect.expect}\` within ${effect.within}; ${fleet.devices} lamps, ${burnsOut.size} burnt out`,
    '',
    `| commands to shine, to lamps that are | ${OUTCOMES.join(' | ')} |`,
    '| --- | ---: | ---: | ---: | ---: |',
    row('burnt out', found.burnt),
    row('healthy', found.healthy),
    '',
    `- precision of \`ineffective\`: ${percent(found.precision)}`,
    `- recall: ${percent(found.recall)}`,
    `- devices listed as ineffective at the end: ${suspects.size}, of which ${rightly} are burnt out (of ${burnsOut.size})`,
    ...(found.between === 0 ? [] : [`- burnt out while the effect was looked for: ${found.between}`]),
  ].join('\n');
}

const percent = (share: number | undefined) => (share === undefined ? '-' : `${(100 * share).toFixed(1)} %`);
