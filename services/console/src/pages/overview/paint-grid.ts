import { themeColour } from '../../elements/theme-colours.js';
import type { DeviceState } from '../../live/fleet-states.js';
import type { GridLayout } from './grid-layout.js';

/** The colours of the map, from the style sheet. */
export interface GridColours {
  readonly dark: Rgb;
  readonly bright: Rgb;
  readonly lamp: string;
  readonly outline: string;
  readonly focus: string;
}

type Rgb = readonly [red: number, green: number, blue: number];

export interface GridView {
  readonly devices: readonly DeviceState[];
  readonly layout: GridLayout;
  readonly colours: GridColours;
  /** The measurement shown as brightness, and its range. */
  readonly light: { readonly name: string; readonly least: number; readonly most: number } | undefined;
  /** The measurement shown as a lamp. */
  readonly lamp: string | undefined;
  /** The cell under the pointer or the keyboard. */
  readonly active: number | undefined;
}

/** Cells of one colour are drawn together: changing the colour costs more than drawing a cell. */
const SHADES = 24;

/** Draws the whole map. A device that is not online has no filled cell: stale a half, offline a cross, never seen an outline. */
export function paintGrid(context: CanvasRenderingContext2D, view: GridView): void {
  const { devices, layout, colours, active } = view;
  const { columns, pitch, gap } = layout;
  const side = pitch - gap;
  context.clearRect(0, 0, columns * pitch, layout.height);
  const shades: number[][] = Array.from({ length: SHADES }, () => []);
  const lamps: number[] = [];
  const away: number[] = [];
  for (const [index, state] of devices.entries()) {
    if (state.presence === 'online' || state.presence === 'stale')
      shades[shadeOf(state, view.light)]!.push(index);
    if (state.presence !== 'online') away.push(index);
    else if (view.lamp !== undefined && state.measurements[view.lamp] === true) lamps.push(index);
  }
  const x = (index: number) => (index % columns) * pitch;
  const y = (index: number) => Math.floor(index / columns) * pitch;

  for (const [shade, cells] of shades.entries()) {
    context.fillStyle = mix(colours.dark, colours.bright, shade / (SHADES - 1));
    for (const index of cells) {
      const isStale = devices[index]!.presence === 'stale';
      context.fillRect(x(index), y(index), isStale ? side / 2 : side, side);
    }
  }
  paintLamps(
    context,
    lamps.map((index) => [x(index), y(index)] as const),
    side,
    colours,
  );
  context.strokeStyle = colours.outline;
  context.lineWidth = 1;
  context.beginPath();
  for (const index of away) {
    const [left, top] = [x(index) + 0.5, y(index) + 0.5];
    context.rect(left, top, side - 1, side - 1);
    if (devices[index]!.presence !== 'offline') continue;
    context.moveTo(left, top);
    context.lineTo(left + side - 1, top + side - 1);
    context.moveTo(left + side - 1, top);
    context.lineTo(left, top + side - 1);
  }
  context.stroke();
  if (active !== undefined && active < devices.length) {
    context.strokeStyle = colours.focus;
    context.lineWidth = 2;
    context.strokeRect(x(active), y(active), side, side);
  }
}

function paintLamps(
  context: CanvasRenderingContext2D,
  lamps: readonly (readonly [left: number, top: number])[],
  side: number,
  { lamp, outline }: GridColours,
): void {
  context.fillStyle = lamp;
  const radius = Math.max(1.5, side * 0.26);
  if (side < 8) {
    // A circle would not be visible.
    for (const [left, top] of lamps) context.fillRect(left + side / 4, top + side / 4, side / 2, side / 2);
    return;
  }
  context.beginPath();
  for (const [left, top] of lamps) {
    const [centreX, centreY] = [left + side / 2, top + side / 2];
    context.moveTo(centreX + radius, centreY);
    context.arc(centreX, centreY, radius, 0, Math.PI * 2);
  }
  context.fill();
  context.strokeStyle = outline;
  context.lineWidth = 1;
  context.stroke();
}

function shadeOf({ measurements }: DeviceState, light: GridView['light']): number {
  const value = light && measurements[light.name];
  if (light === undefined || typeof value !== 'number') return Math.floor(SHADES / 2);
  const share = (value - light.least) / Math.max(1e-9, light.most - light.least);
  return Math.round(Math.min(1, Math.max(0, share)) * (SHADES - 1));
}

function mix(from: Rgb, to: Rgb, share: number): string {
  const parts = from.map((part, index) => Math.round(part + (to[index]! - part) * share));
  return `rgb(${parts.join(' ')})`;
}

/** Reads the colours that the current theme gives an element. */
export function gridColours(element: HTMLElement): GridColours {
  const colour = (name: string) => themeColour(element, name);
  return {
    dark: rgbOf(colour('--map-dark')),
    bright: rgbOf(colour('--map-bright')),
    lamp: colour('--lamp'),
    outline: colour('--map-outline'),
    focus: colour('--accent'),
  };
}

/** @param colour `rgb(…)` */
function rgbOf(colour: string): Rgb {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number);
  return [red, green, blue];
}
