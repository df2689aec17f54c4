import type { Measured, Script } from './run-exchange.js';

/** The results as a Markdown table. */
export function protocolsMarkdown(rows: readonly Measured[], script: Script): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const titles = [
    'protocol',
    'bytes from the device',
    'bytes to it',
    'connections',
    'packets from the device',
    'packets to it',
    'command latency, median',
    'longest',
    'commands after an outage',
  ];
  return [
    line(titles),
    line(titles.map((_, at) => (at === 0 ? '---' : '---:'))),
    ...rows.map(({ name, traffic, latenciesMs, arrivedAfterOutage }) =>
      line([
        name,
        traffic.up,
        traffic.down,
        traffic.connections,
        traffic.chunksUp,
        traffic.chunksDown,
        milliseconds(latenciesMs[Math.floor(latenciesMs.length / 2)]),
        milliseconds(latenciesMs.at(-1)),
        `${arrivedAfterOutage} of ${script.duringOutage}`,
      ]),
    ),
  ].join('\n');
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? 'never' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
