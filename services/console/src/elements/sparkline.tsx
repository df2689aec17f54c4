interface Point {
  readonly x: number;
  readonly y: number;
}

const WIDTH = 120;
const HEIGHT = 28;

/** A small line of recent values; gaps where there is none. Decorative: the number is next to it. */
export function Sparkline({ values }: { values: readonly (number | null)[] }) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2)
    return <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const most = Math.max(...known);
  const least = Math.min(0, ...known);
  const range = most - least || 1;
  const lines = unbroken(values).map((line) =>
    line.map(({ x, y }) => ({
      x: (x / (values.length - 1)) * WIDTH,
      y: HEIGHT - 2 - ((y - least) / range) * (HEIGHT - 5),
    })),
  );
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {lines.map((line) => (
        <g key={line[0]?.x}>
          <path
            className="sparkline-area"
            d={`${path(line)}L${line.at(-1)?.x} ${HEIGHT}L${line[0]?.x} ${HEIGHT}Z`}
          />
          <path className="sparkline-line" d={path(line)} />
        </g>
      ))}
    </svg>
  );
}

function path(line: readonly Point[]): string {
  return line.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
}

/** Splits the values into lines without gaps. */
function unbroken(values: readonly (number | null)[]): Point[][] {
  const lines: Point[][] = [];
  let isOpen = false;
  for (const [x, y] of values.entries()) {
    if (y === null) isOpen = false;
    else {
      if (!isOpen) lines.push([]);
      lines.at(-1)?.push({ x, y });
      isOpen = true;
    }
  }
  return lines;
}
