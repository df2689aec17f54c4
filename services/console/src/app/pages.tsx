import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { fleetPath } from '../addresses/paths.js';
import { fleetsQuery } from '../api/queries.js';
import { Loading, ProblemNotice } from '../elements/notices.js';
import { LiveFleet } from '../live/live-fleet.js';
import { ConnectDevice } from '../pages/overview/connect-device.js';
import { OverviewPage } from '../pages/overview/overview-page.js';
import { Shell } from './shell.js';

const DevicesPage = lazy(() => import('../pages/devices/devices-page.js'));
const DevicePage = lazy(() => import('../pages/device/device-page.js'));
const CommandsPage = lazy(() => import('../pages/commands/commands-page.js'));
const CommandPage = lazy(() => import('../pages/commands/command-page.js'));
const RulesPage = lazy(() => import('../pages/rules/rules-page.js'));
const RulePage = lazy(() => import('../pages/rules/rule-page.js'));
const NewRulePage = lazy(() => import('../pages/rules/new-rule-page.js'));
const RolloutsPage = lazy(() => import('../pages/rollouts/rollouts-page.js'));
const RolloutPage = lazy(() => import('../pages/rollouts/rollout-page.js'));
const NewRolloutPage = lazy(() => import('../pages/rollouts/new-rollout-page.js'));
const RejectedPage = lazy(() => import('../pages/rejected/rejected-page.js'));

/** The page of the address. Each loads its script when first shown, except the overview. */
export function Pages() {
  return (
    <Switch>
      <Route path="/fleets/:fleet/devices/:device">
        {({ fleet, device }) => (
          <OfFleet fleet={fleet}>
            <DevicePage device={device} key={device} />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/commands/:id">
        {({ fleet, id }) => (
          <OfFleet fleet={fleet}>
            <CommandPage id={id} key={id} />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/commands">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <CommandsPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/rules/:rule">
        {({ fleet, rule }) => (
          <OfFleet fleet={fleet}>
            <RulePage id={rule} key={rule} />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/rules">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <RulesPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/new-rule">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <NewRulePage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/rollouts/new">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <NewRolloutPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/rollouts/:id">
        {({ fleet, id }) => (
          <OfFleet fleet={fleet}>
            <RolloutPage id={id} key={id} />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/rollouts">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <RolloutsPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/rejected">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <RejectedPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet/devices">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <DevicesPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/fleets/:fleet">
        {({ fleet }) => (
          <OfFleet fleet={fleet}>
            <OverviewPage />
          </OfFleet>
        )}
      </Route>
      <Route path="/">
        <FirstFleet />
      </Route>
      <Route>
        <Shell fleet={undefined}>
          <div className="notice">
            <h1>There is no page at this address</h1>
            <p>
              <a href="/">Go to the overview</a>
            </p>
          </div>
        </Shell>
      </Route>
    </Switch>
  );
}

/** Live data of a fleet stays while the user moves between its pages. */
function OfFleet({ fleet, children }: { fleet: string; children: ReactNode }) {
  return (
    <LiveFleet fleet={fleet} key={fleet}>
      <Shell fleet={fleet}>
        <Suspense fallback={<Loading what="the page" />}>{children}</Suspense>
      </Shell>
    </LiveFleet>
  );
}

function FirstFleet() {
  const { data, error, isPending } = useQuery(fleetsQuery);
  const first = data?.fleets[0];
  if (first !== undefined) return <Redirect to={fleetPath(first.fleet)} replace />;
  return (
    <Shell fleet={undefined}>
      {isPending && error === null && <Loading what="the fleets" />}
      {error !== null && <ProblemNotice error={error} what="the fleets" />}
      {data !== undefined && <ConnectDevice />}
    </Shell>
  );
}
