/** An element with a class and children; text is text, never markup. */
export function element(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** A canvas in which one unit is one pixel of the page, and the context to draw on it. */
export function canvas(
  width: number,
  height: number,
): readonly [HTMLCanvasElement, CanvasRenderingContext2D] {
  const made = document.createElement('canvas');
  const ratio = window.devicePixelRatio;
  made.width = width * ratio;
  made.height = height * ratio;
  made.style.width = `${width}px`;
  made.style.height = `${height}px`;
  const context = made.getContext('2d')!;
  context.scale(ratio, ratio);
  context.font = FONT;
  return [made, context];
}

export const FONT = '11px Inter, sans-serif';
export const AXIS_COLOR = '#ccccdcb0';
export const GRID_COLOR = '#ccccdc14';

/** Pixels that the label of a time needs. */
const LABEL = 64;

/** Round times, as many as there is room for. */
export function wholeMinutes(from: number, to: number, width: number): number[] {
  const most = Math.max(1, Math.floor(width / LABEL));
  const every = 60 * ([1, 2, 5, 10, 15, 30, 60].find((minutes) => (to - from) / 60 / minutes <= most) ?? 120);
  const times: number[] = [];
  for (let time = Math.ceil(from / every) * every; time <= to; time += every) times.push(time);
  return times;
}

/** `19:05`. */
export function clock(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}
