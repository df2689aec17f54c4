/** Where the cells of the map are, in CSS pixels. */
export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  /** Side of a cell with its gap. */
  readonly pitch: number;
  readonly gap: number;
  readonly height: number;
}

const SMALLEST = 5;
const LARGEST = 52;

/** The largest cells with which `count` devices fit into the width and, unless they become too small, into the height. */
export function gridLayout(count: number, width: number, wantedHeight: number): GridLayout {
  let pitch = Math.min(
    LARGEST,
    Math.max(SMALLEST, Math.floor(Math.sqrt((width * wantedHeight) / Math.max(1, count)))),
  );
  const rowsAt = (size: number) => Math.ceil(count / Math.max(1, Math.floor(width / size)));
  while (pitch > SMALLEST && rowsAt(pitch) * pitch > wantedHeight) pitch -= 1;
  const columns = Math.max(1, Math.floor(width / pitch));
  const rows = Math.ceil(count / columns);
  return { columns, rows, pitch, gap: pitch >= 16 ? 3 : pitch >= 8 ? 2 : 1, height: rows * pitch };
}

/** The index of the cell at a point; undefined if there is none. */
export function cellAt(
  { columns, pitch }: GridLayout,
  count: number,
  x: number,
  y: number,
): number | undefined {
  const column = Math.floor(x / pitch);
  if (x < 0 || y < 0 || column >= columns) return undefined;
  const index = Math.floor(y / pitch) * columns + column;
  return index < count ? index : undefined;
}

/** The cell that a key moves to; undefined if the key does not move. */
export function cellAfterKey(
  { columns }: GridLayout,
  count: number,
  index: number,
  key: string,
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    PageDown: columns * 10,
    PageUp: -columns * 10,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  if (step === undefined) return undefined;
  const target = index + step;
  const isWithin = target >= 0 && target < count;
  if (isWithin || key === 'Home' || key === 'End' || key.startsWith('Page'))
    return Math.min(count - 1, Math.max(0, target));
  return index;
}
