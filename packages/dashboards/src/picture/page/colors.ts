import type { FieldConfig, PanelDocument } from '../../document.js';

/** The names of colours in the JSON, as they look on a dark page. */
const NAMED: Readonly<Record<string, string>> = {
  green: '#73bf69',
  yellow: '#fade2a',
  orange: '#ff9830',
  red: '#f2495c',
  'dark-red': '#c4162a',
  blue: '#5794f2',
  purple: '#b877d9',
  text: '#ccccdc',
};

/** Series without a colour of their own take these in turn. */
const PALETTE = [
  '#73bf69',
  '#f2cc0c',
  '#8ab8ff',
  '#ff780a',
  '#f2495c',
  '#5794f2',
  '#b877d9',
  '#705da0',
  '#37872d',
  '#fade2a',
  '#447ebc',
  '#c15c17',
  '#890f02',
];

export function named(color: string): string {
  return NAMED[color] ?? color;
}

/** The colour of a series: its own, or the next of the palette. */
export function colorOf(panel: PanelDocument, name: string, index: number): string {
  const fixed = ownOf(panel.fieldConfig, name).find((property) => property.id === 'color')?.value.fixedColor;
  return fixed ? named(fixed) : PALETTE[index % PALETTE.length]!;
}

/** The colour of a value by the thresholds of its series, or else of its panel. */
export function thresholdColor(config: FieldConfig, value: number, name: string): string {
  const own = ownOf(config, name).find((property) => property.id === 'thresholds')?.value;
  const { steps } = own ?? config.defaults.thresholds;
  const step = steps.findLast(({ value: from }) => from === null || value >= from);
  return named(step?.color ?? 'green');
}

function ownOf(config: FieldConfig | undefined, name: string) {
  return config?.overrides.find(({ matcher }) => matcher.options === name)?.properties ?? [];
}

/** The colour with an opacity from 0 to 1. */
export function faded(color: string, opacity: number): string {
  return (
    color +
    Math.round(opacity * 255)
      .toString(16)
      .padStart(2, '0')
  );
}
