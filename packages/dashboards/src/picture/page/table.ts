import type { PanelDocument } from '../../document.js';
import type { Scene } from '../collect.js';
import { element } from './dom.js';
import { fieldsOf } from './field.js';

/** One row per series; which labels are columns, and what they are called, the panel's transformation says. */
export function drawTable(panel: PanelDocument, scene: Scene, into: HTMLElement): void {
  const fields = fieldsOf(panel, scene);
  const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options;
  if (fields.length === 0 || organize === undefined) {
    into.append(element('div', 'nothing', 'No data'));
    return;
  }
  const rows = fields.map(({ labels, values }) => ({ ...labels, Value: String(values[0] ?? '') }));
  const columns = Object.keys(rows[0]!)
    .filter((name) => !organize.excludeByName[name])
    .sort((a, b) => (organize.indexByName[a] ?? 99) - (organize.indexByName[b] ?? 99));
  const cells = (tag: string, texts: readonly string[]) => texts.map((text) => element(tag, '', text));
  const head = element(
    'tr',
    '',
    ...cells(
      'th',
      columns.map((name) => organize.renameByName[name] ?? name),
    ),
  );
  const body = rows.map((row: Record<string, string>) =>
    element(
      'tr',
      '',
      ...cells(
        'td',
        columns.map((name) => row[name] ?? ''),
      ),
    ),
  );
  into.append(element('table', '', head, ...body));
}
