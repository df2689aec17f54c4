import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import {
  commandPath,
  commandsPath,
  devicePath,
  devicesPath,
  rejectedPath,
  rulePath,
} from '../../addresses/paths.js';
import { stoppedLanesQuery } from '../../api/command-queries.js';
import {
  ineffectiveQuery,
  numbersQuery,
  openCommandsQuery,
  rejectedQuery,
  rulesQuery,
} from '../../api/queries.js';
import { Age } from '../../elements/age.js';
import { Panel } from '../../elements/panel.js';
import { useLive, useStatesVersion } from '../../live/live-context.js';

const SHOWN = 3;

interface Finding {
  readonly key: string;
  readonly title: string;
  readonly lines: readonly ReactNode[];
  readonly more?: ReactNode;
}

/** What needs a person's attention. Empty lists are not shown. */
export function Attention() {
  const findings = [
    ...useAlerts(),
    ...useSilentDevices(),
    ...useCommands(),
    ...useStoppedLanes(),
    ...useRules(),
    ...useRejected(),
  ];
  return (
    <Panel title="Needs attention" className="attention">
      {findings.length === 0 && (
        <p className="muted quiet-note">Nothing. Every device reports and every command arrives.</p>
      )}
      <ul className="findings">
        {findings.map(({ key, title, lines, more }) => (
          <li key={key}>
            <h3>{title}</h3>
            <ul>
              {lines.map((line, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the lines have no identity and are short
                <li key={index}>{line}</li>
              ))}
              {more !== undefined && <li className="more">{more}</li>}
            </ul>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function useAlerts(): Finding[] {
  const { data } = useQuery(numbersQuery);
  return (data?.alerts ?? [])
    .filter(({ state }) => state === 'firing')
    .map(({ name, summary, since }, index) => ({
      key: `alert ${name} ${index}`,
      title: `Alert: ${name}`,
      lines: [
        <>
          {summary} Since <Age at={Date.parse(since)} suffix="" />.
        </>,
      ],
    }));
}

/** Devices that should report and do not, longest silence first. */
function useSilentDevices(): Finding[] {
  const { fleet, states } = useLive();
  useStatesVersion();
  return (['stale', 'offline'] as const).flatMap((presence) => {
    const silent = states.devices.filter((each) => each.presence === presence);
    if (silent.length === 0) return [];
    const longest = [...silent].sort((one, other) => (one.receivedAt ?? 0) - (other.receivedAt ?? 0));
    return {
      key: presence,
      title: `${silent.length} ${presence} ${silent.length === 1 ? 'device' : 'devices'}`,
      lines: longest.slice(0, SHOWN).map(({ device, receivedAt }) => (
        <>
          <Link href={devicePath(fleet, device)}>{device}</Link>{' '}
          {receivedAt === undefined ? (
            'has never reported'
          ) : (
            <>
              reported <Age at={receivedAt} />
            </>
          )}
        </>
      )),
      ...(silent.length > SHOWN && {
        more: <Link href={devicesPath(fleet, `?presence=${presence}`)}>Show all {silent.length}</Link>,
      }),
    };
  });
}

function useCommands(): Finding[] {
  const { fleet } = useLive();
  const waiting = useQuery(openCommandsQuery(fleet, '1m', SHOWN + 1)).data?.commands ?? [];
  const ineffective = useQuery(ineffectiveQuery(fleet)).data?.devices ?? [];
  const findings: Finding[] = [];
  if (waiting.length > 0)
    findings.push({
      key: 'open',
      title: 'Commands open for more than a minute',
      lines: waiting.slice(0, SHOWN).map(({ id, device, lane, state, createdAt }) => (
        <>
          <Link href={commandPath(fleet, id)}>{device}</Link> lane {lane}: {state}, created{' '}
          <Age at={Date.parse(createdAt)} />
        </>
      )),
      ...(waiting.length > SHOWN && {
        more: <Link href={commandsPath(fleet, '?olderThan=1m')}>Show all</Link>,
      }),
    });
  if (ineffective.length > 0)
    findings.push({
      key: 'ineffective',
      title: 'Commands without effect',
      lines: ineffective.slice(0, SHOWN).map(({ device }) => (
        <>
          <Link href={devicePath(fleet, device)}>{device}</Link> did what a command says, but its telemetry
          does not show it
        </>
      )),
      ...(ineffective.length > SHOWN && { more: `and ${ineffective.length - SHOWN} more` }),
    });
  return findings;
}

function useStoppedLanes(): Finding[] {
  const { fleet } = useLive();
  const lanes = useQuery(stoppedLanesQuery(fleet)).data?.lanes ?? [];
  if (lanes.length === 0) return [];
  return [
    {
      key: 'stopped',
      title: `${lanes.length} stopped ${lanes.length === 1 ? 'lane' : 'lanes'}`,
      lines: lanes.slice(0, SHOWN).map(({ device, lane, waiting }) => (
        <>
          <Link href={devicePath(fleet, device)}>{device}</Link> lane {lane}: a command failed, {waiting}{' '}
          {waiting === 1 ? 'waits' : 'wait'}
        </>
      )),
      ...(lanes.length > SHOWN && { more: `and ${lanes.length - SHOWN} more` }),
    },
  ];
}

function useRules(): Finding[] {
  const { fleet } = useLive();
  const rules = useQuery(rulesQuery(fleet)).data?.rules ?? [];
  return rules.flatMap(({ id, lastError }) =>
    lastError === undefined
      ? []
      : {
          key: `rule ${id}`,
          title: `Rule ${id} has an error`,
          lines: [
            <>
              <Link href={rulePath(fleet, id)}>{lastError.message}</Link>
              {lastError.at !== undefined && (
                <>
                  , <Age at={Date.parse(lastError.at)} />
                </>
              )}
            </>,
          ],
        },
  );
}

function useRejected(): Finding[] {
  const { fleet } = useLive();
  const rejected = useQuery(rejectedQuery(fleet, SHOWN)).data?.rejected ?? [];
  if (rejected.length === 0) return [];
  return [
    {
      key: 'rejected',
      title: 'Rejected or suspicious input',
      lines: rejected.map(({ at, device, kind, problem }) => (
        <>
          {device !== undefined && (
            <>
              <span className="name">{device}</span>:{' '}
            </>
          )}
          {kind}: {problem}, <Age at={Date.parse(at)} />
        </>
      )),
      more: <Link href={rejectedPath(fleet)}>Show all samples</Link>,
    },
  ];
}
