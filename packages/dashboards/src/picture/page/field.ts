import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';

/** A series as a panel shows it. */
export interface Field {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
}

/** All series of a panel, named as the legends of its queries say. */
export function fieldsOf(panel: PanelDocument, { answers }: Scene): Field[] {
  return (answers[panel.id] ?? []).flatMap((series, query) => {
    const legend = panel.targets?.[query]?.legendFormat ?? '';
    return series.map(({ labels, values }) => ({
      name: legend.replaceAll(/[{]{2}\s*(\w+)\s*[}]{2}/g, (_, label: string) => labels[label] ?? ''),
      labels,
      values,
    }));
  });
}

/** The value at the end of the picture, if there is one. */
export function lastOf({ values }: Field): number | undefined {
  return values.at(-1) ?? undefined;
}
