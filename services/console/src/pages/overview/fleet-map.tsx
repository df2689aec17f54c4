import { type KeyboardEvent, type PointerEvent, useCallback, useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { devicePath } from '../../addresses/paths.js';
import { valueText } from '../../elements/format.js';
import { PRESENCE_NAMES } from '../../elements/presence-names.js';
import { watchTheme } from '../../elements/theme-colours.js';
import type { DeviceState } from '../../live/fleet-states.js';
import { useLive } from '../../live/live-context.js';
import { rangeOf } from '../../live/measurements.js';
import { cellAfterKey, cellAt, type GridLayout, gridLayout } from './grid-layout.js';
import { MapTip } from './map-tip.js';
import { gridColours, paintGrid } from './paint-grid.js';

/** The map is at most this high, CSS pixels, unless its cells would become too small. */
const HEIGHT = 440;
/** The range of a large fleet changes slowly, milliseconds. */
const RANGE_MS = 2000;

export interface MapProps {
  /** The measurement shown as brightness. */
  readonly light: string | undefined;
  /** The measurement shown as a lamp. */
  readonly lamp: string | undefined;
}

/** One cell per device. The canvas is drawn from the last states directly, at most once per animation frame. */
export function FleetMap({ light, lamp }: MapProps) {
  const { fleet, states } = useLive();
  const [, navigate] = useLocation();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useRef<GridLayout>(gridLayout(0, 1, HEIGHT));
  const [active, setActive] = useState<number>();
  const activeNow = useRef<number>(undefined);
  const repaint = useRef(() => {});

  useEffect(() => {
    const [element, parent] = [canvas.current, frame.current];
    const context = element?.getContext('2d');
    if (!element || !parent || !context) return;
    let colours = gridColours(element);
    let range: { at: number; name: string; least: number; most: number } | undefined;
    let request = 0;

    const paint = () => {
      request = 0;
      const { devices } = states;
      fitCanvas(element, context, parent.clientWidth, devices.length, layout);
      if (light === undefined) range = undefined;
      else if (range?.name !== light || performance.now() - range.at > RANGE_MS) {
        const found = rangeOf(devices, light);
        range = found && { ...found, name: light, at: performance.now() };
      }
      paintGrid(context, {
        devices,
        layout: layout.current,
        colours,
        light: range,
        lamp,
        active: activeNow.current,
      });
      element.dataset.lit = String(
        lamp === undefined ? 0 : devices.filter((each) => isLit(each, lamp)).length,
      );
    };
    const schedule = () => {
      request ||= requestAnimationFrame(paint);
    };
    const recolour = () => {
      colours = gridColours(element);
      schedule();
    };
    repaint.current = schedule;
    schedule();
    const unsubscribe = states.subscribe(schedule);
    const resizes = new ResizeObserver(schedule);
    resizes.observe(parent);
    const stopWatching = watchTheme(recolour);
    return () => {
      cancelAnimationFrame(request);
      unsubscribe();
      resizes.disconnect();
      stopWatching();
    };
  }, [states, light, lamp]);

  const activate = useCallback((index: number | undefined) => {
    activeNow.current = index;
    setActive(index);
    repaint.current();
  }, []);
  const indexAt = ({ clientX, clientY, currentTarget }: PointerEvent) => {
    const { left, top } = currentTarget.getBoundingClientRect();
    return cellAt(layout.current, states.devices.length, clientX - left, clientY - top);
  };
  const open = (index: number | undefined) => {
    const state = index === undefined ? undefined : states.devices[index];
    if (state !== undefined) navigate(devicePath(fleet, state.device));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') return open(active);
    if (event.key === 'Escape') return activate(undefined);
    const next = cellAfterKey(layout.current, states.devices.length, active ?? 0, event.key);
    if (next === undefined) return;
    event.preventDefault();
    activate(active === undefined ? 0 : next);
  };
  const state = active === undefined ? undefined : states.devices[active];
  return (
    <div
      className="map"
      ref={frame}
      role="application"
      aria-roledescription="map of the fleet"
      aria-label="Map of the fleet: one cell per device. Arrow keys move, Enter opens the device."
      tabIndex={0}
      onKeyDown={onKeyDown}
      onFocus={() => active === undefined && activate(0)}
      onBlur={() => activate(undefined)}
    >
      <canvas
        ref={canvas}
        onPointerMove={(event) => activate(indexAt(event))}
        onPointerLeave={() => activate(undefined)}
        onClick={(event) => open(indexAt(event as unknown as PointerEvent))}
      />
      {state !== undefined && <MapTip state={state} cell={cellBox(layout.current, active!)} />}
      <p className="visually-hidden" aria-live="polite">
        {state && describe(state)}
      </p>
    </div>
  );
}

function isLit({ presence, measurements }: DeviceState, lamp: string): boolean {
  return presence === 'online' && measurements[lamp] === true;
}

function cellBox({ columns, pitch }: GridLayout, index: number) {
  return {
    left: (index % columns) * pitch,
    top: Math.floor(index / columns) * pitch,
    pitch,
    width: columns * pitch,
  };
}

function describe({ device, presence, measurements }: DeviceState): string {
  const values = Object.entries(measurements).map(([name, value]) => `${name} ${valueText(value)}`);
  return [device, PRESENCE_NAMES[presence], ...values].join(', ');
}

/** Gives the canvas the size of its cells in device pixels. */
function fitCanvas(
  element: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
  width: number,
  count: number,
  layout: { current: GridLayout },
): void {
  layout.current = gridLayout(count, width, HEIGHT);
  const { height } = layout.current;
  const scale = devicePixelRatio;
  const [pixelsX, pixelsY] = [Math.round(width * scale), Math.round(height * scale)];
  if (element.width === pixelsX && element.height === pixelsY) return;
  element.width = pixelsX;
  element.height = pixelsY;
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  context.setTransform(scale, 0, 0, scale, 0, 0);
}
