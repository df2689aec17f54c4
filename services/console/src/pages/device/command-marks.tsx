import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Schemas } from '../../api/client.js';
import { reasonsOf, whyQuery } from '../../api/command-queries.js';
import { CommandStateMark } from '../../elements/command-state.js';
import { localTime } from '../../elements/format.js';
import type { PlotFrame } from './plot.js';

type Command = Schemas['Command'];

const TIP_WIDTH = 280;

/** Commands as marks above the plot, at the time when they were created. Hover or focus shows why. */
export function CommandMarks({ frame, commands }: { frame: PlotFrame; commands: readonly Command[] }) {
  const [shown, setShown] = useState<string>();
  const span = frame.to - frame.from;
  const marks = commands.flatMap((command) => {
    const share = (Date.parse(command.createdAt) - frame.from) / span;
    return share >= 0 && share <= 1 ? [{ command, left: frame.left + share * frame.width }] : [];
  });
  const active = marks.find(({ command }) => command.id === shown);
  return (
    <div className="marks" style={{ height: frame.top + frame.height }}>
      {marks.map(({ command, left }) => (
        <button
          key={command.id}
          type="button"
          className="mark"
          data-shown={command.id === shown}
          style={{ left, height: frame.top + frame.height }}
          aria-label={`Command ${JSON.stringify(command.action)} at ${localTime(Date.parse(command.createdAt))}, ${command.state}`}
          onPointerEnter={() => setShown(command.id)}
          onPointerLeave={() => setShown(undefined)}
          onFocus={() => setShown(command.id)}
          onBlur={() => setShown(undefined)}
        />
      ))}
      {active !== undefined && (
        <div
          className="tip mark-tip"
          role="status"
          style={{
            width: TIP_WIDTH,
            left: Math.max(0, Math.min(active.left + 8, frame.left + frame.width - TIP_WIDTH)),
          }}
        >
          <MarkTip command={active.command} />
        </div>
      )}
    </div>
  );
}

function MarkTip({ command: { id, action, state, createdAt } }: { command: Command }) {
  const { data } = useQuery(whyQuery(id));
  return (
    <>
      <p>
        <code>{JSON.stringify(action)}</code> <CommandStateMark state={state} />
      </p>
      <p className="muted">{localTime(Date.parse(createdAt))}</p>
      {data === undefined ? (
        <p className="muted">Asking why</p>
      ) : (
        <ul>
          {reasonsOf(data).map((sentence) => (
            <li key={sentence} className="name">
              {sentence}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
