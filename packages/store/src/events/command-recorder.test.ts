import { CommandRecorder } from './command-recorder.js';
import type { LiveEvent } from './events.js';

const lamp = { fleet: 'demo', device: 'lamp-0001' };

function recording(isOn = true) {
  const counted: object[] = [];
  const events: LiveEvent[] = [];
  const lines: (readonly [step: string, line: object])[] = [];
  const recorder = new CommandRecorder({
    transitions: { inc: (labels) => void counted.push(labels) },
    events: { append: (some) => void events.push(...some) },
    log: { isOn, logStep: (step, line) => void lines.push([step, line]) },
  });
  return { recorder, counted, events, lines };
}

describe('CommandRecorder', () => {
  it('records an enqueued command and the commands it supersedes', () => {
    const { recorder, counted, events, lines } = recording();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const command = { id: 'C-3', ...lamp, traceparent };
    recorder.recordEnqueued('api', command, { superseded: ['C-1'], unknown: ['C-2'] }, 'issued');
    expect(counted).toEqual([
      { transition: 'pending', source: 'api' },
      { transition: 'superseded', source: 'api' },
      { transition: 'unknown', source: 'api' },
    ]);
    expect(events).toMatchObject([
      { type: 'command', ...lamp, command: 'C-3', state: 'pending' },
      { command: 'C-1', state: 'superseded' },
      { command: 'C-2', state: 'unknown' },
    ]);
    expect(lines).toMatchObject([
      ['issued', { command: 'C-3', trace_id: 'a'.repeat(32), state: 'pending' }],
      ['ended', { command: 'C-1', state: 'superseded', cause: 'superseded:C-3' }],
      ['ended', { command: 'C-2', state: 'unknown', cause: 'superseded:C-3' }],
    ]);
  });

  it('logs only final states', () => {
    const { recorder, lines } = recording();
    recorder.recordTransition('dispatched', 'rule', { id: 'C-1', ...lamp }, { attempt: 1 });
    recorder.recordTransition('cancelled', 'rule', { id: 'C-1', ...lamp }, { cause: 'api' });
    expect(lines).toMatchObject([['ended', { command: 'C-1', state: 'cancelled', cause: 'api' }]]);
  });

  it('adds the action to the live event if there is one', () => {
    const { recorder, events } = recording();
    recorder.recordTransition('dispatched', 'rule', { id: 'C-1', ...lamp, action: { led_on: true } });
    expect(events).toMatchObject([{ command: 'C-1', action: { led_on: true } }]);
  });

  it('records each command that a failed command cancelled', () => {
    const { recorder, counted } = recording();
    recorder.recordCancelled('rollout', lamp, ['C-1', 'C-2']);
    expect(counted).toEqual([
      { transition: 'cancelled', source: 'rollout' },
      { transition: 'cancelled', source: 'rollout' },
    ]);
  });

  it('logs nothing while the log is off', () => {
    const { recorder, lines, counted } = recording(false);
    recorder.recordTransition('cancelled', 'rule', { id: 'C-1', ...lamp });
    expect([lines.length, counted.length]).toEqual([0, 1]);
  });
});
