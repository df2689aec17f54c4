import { createContext, useContext, useEffect, useState } from 'react';
import type { LiveEvent } from './event-stream.js';
import type { FleetStates } from './fleet-states.js';

export interface LiveStatus {
  readonly isLive: boolean;
  /** When that began, in milliseconds on this browser's clock. */
  readonly since: number;
  /** Why there will be no live events; undefined while the page is live or tries to connect. */
  readonly rejection?: string;
}

export interface Live {
  readonly fleet: string;
  readonly status: LiveStatus;
  /** It is the same object while it changes: compare versions, not objects. */
  readonly states: FleetStates;
  /** Called at most once per animation frame. */
  readonly listen: (listener: (events: readonly LiveEvent[]) => void) => () => void;
  /** Why the last states cannot be read; undefined while they can. */
  readonly problem: Error | undefined;
}

export const LiveContext = createContext<Live | undefined>(undefined);

/** The live view of the fleet in the address. */
export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === undefined) throw new Error('useLive is used outside of a fleet');
  return live;
}

/** Lists and counts of a large fleet are computed at most this often, milliseconds. */
const RENDER_MS = 400;

/** Renders again when the last states have changed, a few times a second at most. Returns their version. */
export function useStatesVersion(): number {
  const { states } = useLive();
  const [version, setVersion] = useState(states.version);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let renderedAt = 0;
    const render = () => {
      timer = undefined;
      renderedAt = performance.now();
      setVersion(states.version);
    };
    render();
    const unsubscribe = states.subscribe(() => {
      timer ??= setTimeout(render, Math.max(0, renderedAt + RENDER_MS - performance.now()));
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [states]);
  return version;
}

export function useEvents(listener: (events: readonly LiveEvent[]) => void): void {
  const { listen } = useLive();
  useEffect(() => listen(listener), [listen, listener]);
}
