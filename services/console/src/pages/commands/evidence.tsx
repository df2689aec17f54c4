import { Link } from 'wouter';
import { rulePath } from '../../addresses/paths.js';
import type { Schemas } from '../../api/client.js';
import { Time } from '../../elements/age.js';
import { number, span, valueText } from '../../elements/format.js';
import { ListTable } from '../../elements/list-table.js';
import { Panel } from '../../elements/panel.js';
import { type TallyShown, Trace, Votes } from '../../elements/trace.js';

type Because = Omit<Schemas['Because'], 'tally'> & { readonly tally?: TallyShown };

/** What the rule saw when it issued the command: rule version, readings, votes, clauses. */
export function Evidence({ fleet, because }: { fleet: string; because: Because }) {
  const { rule, version, at, trigger, reading, last, windows, ageMs, tally, trace, problem } = because;
  const rows = Object.entries(reading);
  return (
    <Panel
      title="What the rule saw"
      aside={
        <Link href={rulePath(fleet, rule, `?version=${version}`)}>
          {rule}, version {version}
        </Link>
      }
    >
      <p className="panel-text">
        Evaluated <Time at={at} /> because of a {trigger}; the reading was {span(ageMs)} old.
        {problem !== undefined && ` ${problem}`}
      </p>
      {rows.length > 0 && (
        <ListTable label="Readings" heads={['Measurement', 'Value', 'Before']}>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <td className="clip">{name}</td>
              <td className="clip">{valueText(value)}</td>
              <td className="clip muted">{last?.[name] === undefined ? '–' : valueText(last[name])}</td>
            </tr>
          ))}
          {Object.entries(windows ?? {}).map(([name, value]) => (
            <tr key={name}>
              <td className="clip">
                <code>{name}</code>
              </td>
              <td>{number(value)}</td>
              <td className="muted">–</td>
            </tr>
          ))}
        </ListTable>
      )}
      {tally !== undefined && (
        <div className="panel-text">
          <h3>Votes</h3>
          <Votes tally={tally} />
        </div>
      )}
      {trace !== undefined && trace.length > 0 && (
        <div className="panel-text">
          <h3>Clauses</h3>
          <Trace steps={trace} />
        </div>
      )}
    </Panel>
  );
}
