import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useContext, useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import {
  commandsPath,
  devicesPath,
  fleetPath,
  rejectedPath,
  rolloutsPath,
  rulesPath,
} from '../addresses/paths.js';
import { fleetsQuery } from '../api/queries.js';
import { clockTime } from '../elements/format.js';
import { LiveContext } from '../live/live-context.js';
import { AccountMenu } from './account-menu.js';

/** Header, navigation and the content of a page. */
export function Shell({ fleet, children }: { fleet: string | undefined; children: ReactNode }) {
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="shell-header">
        <Link className="brand" aria-label="Lamplighter" href={fleet === undefined ? '/' : fleetPath(fleet)}>
          <img src="/icon.svg" alt="" width="22" height="22" />
          <span>Lamplighter</span>
        </Link>
        {fleet !== undefined && <FleetChoice fleet={fleet} />}
        {fleet !== undefined && <Navigation fleet={fleet} />}
        <div className="shell-end">
          <LiveState />
          <AccountMenu />
        </div>
      </header>
      <Rejection />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Navigation({ fleet }: { fleet: string }) {
  const [location] = useLocation();
  const base = fleetPath(fleet);
  const pages = [
    { name: 'Overview', href: base, isCurrent: location === base },
    ...[
      { name: 'Devices', href: devicesPath(fleet) },
      { name: 'Commands', href: commandsPath(fleet) },
      { name: 'Rollouts', href: rolloutsPath(fleet) },
      { name: 'Rules', href: rulesPath(fleet) },
      { name: 'Rejected', href: rejectedPath(fleet) },
    ].map((page) => ({ ...page, isCurrent: location === page.href || location.startsWith(`${page.href}/`) })),
  ];
  return (
    <nav aria-label="Pages">
      {pages.map(({ name, href, isCurrent }) => (
        <Link key={name} href={href} aria-current={isCurrent ? 'page' : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

function FleetChoice({ fleet }: { fleet: string }) {
  const { data } = useQuery(fleetsQuery);
  const [, navigate] = useLocation();
  const names = data?.fleets.map((each) => each.fleet) ?? [];
  const all = names.includes(fleet) ? names : [fleet, ...names];
  return (
    <select
      className="fleet-choice"
      aria-label="Fleet"
      value={fleet}
      onChange={({ target }) => navigate(fleetPath(target.value))}
    >
      {all.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** A connection that is just starting is not reported as lost. */
const GRACE_MS = 1500;

function LiveState() {
  const live = useContext(LiveContext);
  const isGraceOver = useLater(live?.status.since, GRACE_MS);
  if (live === undefined) return null;
  const { isLive, since } = live.status;
  const text = isLive ? 'Live' : isGraceOver ? `Not live since ${clockTime(since)}` : 'Connecting';
  return (
    <span className="live-state" data-live={isLive} role="status" title="Whether live events reach this page">
      <span className="live-dot" aria-hidden="true" />
      {text}
    </span>
  );
}

function Rejection() {
  const rejection = useContext(LiveContext)?.status.rejection;
  if (rejection === undefined) return null;
  return (
    <p className="rejection" role="alert">
      This page is not live: {rejection}
    </p>
  );
}

/** Whether `ms` have passed since `start` last changed. */
function useLater(start: number | undefined, ms: number): boolean {
  const [reached, setReached] = useState<number>();
  useEffect(() => {
    const timer = setTimeout(() => setReached(start), ms);
    return () => clearTimeout(timer);
  }, [start, ms]);
  return reached === start;
}
