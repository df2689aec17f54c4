import type { Clause, Trace, TraceStep } from '../evaluate/trace.js';

/** How commands are spoken of: as issued, or of a trial, which issues none. */
export type Mood = 'was' | 'would be';

/** Says in plain sentences what the clauses of a rule found, in their order; one sentence each. */
export function explain(trace: Trace, mood: Mood = 'was'): string[] {
  return trace.map((step) => SENTENCES[step.clause](step, mood));
}

/**
 * The clauses that kept the rule from another verdict, or from being judged; several limits may do so at once.
 * @param raised the verdict so far
 */
export function obstacles(trace: Trace, raised = false): TraceStep[] {
  return trace.filter(({ clause, passes, value }) => {
    switch (clause) {
      case 'emit':
      case 'reassert':
        return false;
      case 'when':
      case 'quorum':
        return raised ? value !== false : !passes;
      case 'absence':
        return passes === raised;
      case 'clear':
        return raised ? value !== true : passes; // where both hold, nothing is raised
      default:
        return !passes;
    }
  });
}

const SENTENCES: Readonly<Record<Clause, (step: TraceStep, mood: Mood) => string>> = {
  run: ({ passes, amount = 0, reason }) => {
    if (passes) return 'the time of the run was over';
    const run = `the run had ${duration(amount)} to go`;
    return reason === 'earlier'
      ? `${run}; it was started by an earlier version, and this one judges after it`
      : run;
  },
  enabled: () => 'the rule was disabled',
  maxAge: ({ passes, amount = 0, limit = 0 }) =>
    passes
      ? `the reading was ${duration(amount)} old, ${duration(limit)} are allowed`
      : `the reading was ${duration(amount)} old, too old for the ${duration(limit)} that are allowed`,
  cut: ({ until = 0 }) => `the rule had changed its mind too often, and was cut until ${time(until)}`,
  settle: ({ passes, amount = 0, limit = 0 }) => {
    if (limit === 0) return `the reading was taken ${passes ? 'after' : 'before'} the last command`;
    return passes
      ? `things had settled for ${duration(limit)} since the last command`
      : `things were still settling: ${duration(Math.max(0, amount))} of ${duration(limit)} since the last command`;
  },
  deadband: ({ passes, amount, limit, text, ...asked }) => {
    if (text !== undefined) return expression({ text, passes, ...asked });
    const distance = `it had moved by ${rounded(amount ?? 0)} since it was last judged`;
    return passes ? distance : `${distance}, less than ${rounded(limit ?? 0)}, so nothing new was asked for`;
  },
  when: expression,
  clear: expression,
  quorum: ({ value, reason, until }) => {
    if (reason === 'lost')
      return `too few sensors could be heard${until === undefined ? '' : `, and what is safe holds until ${time(until)}`}`;
    return value === undefined
      ? 'the votes did not decide'
      : `the votes said ${value === true ? 'yes' : 'no'}`;
  },
  absence: ({ passes, amount = 0, limit = 0, until }) => {
    const silence = `the device had been silent for ${duration(amount)}`;
    if (passes) return `${silence}, at least ${duration(limit)}`;
    return until === undefined
      ? `${silence}, and that had been told already`
      : `${silence}; ${duration(limit)} are needed`;
  },
  seconds: (step) =>
    step.value === undefined || step.passes
      ? expression(step)
      : `${expression(step)}; that is no time to run`,
  hold: (step) => lasted(step, 'the other verdict had lasted', 'hold'),
  dwell: (step) => lasted(step, 'the verdict had stood', 'dwell'),
  quiet: ({ passes, text, until = 0 }) =>
    passes
      ? `it was not in the quiet hours, ${text}`
      : `it was in the quiet hours, ${text}, which end at ${time(until)}`,
  cooldown: ({ passes, amount = 0, limit = 0 }) =>
    passes
      ? `the last raise was ${duration(amount)} ago, longer than the cooldown of ${duration(limit)}`
      : `cooldown: ${duration(limit - amount)} of ${duration(limit)} were left`,
  loop: ({ limit = 0 }, mood) =>
    `the rule changed its mind too often: it ${mood} cut for ${duration(limit)}, and nothing ${mood} commanded`,
  emit: emission,
  reassert: ({ passes, reason, amount = 0, limit = 0, values = {} }, mood) => {
    const known = listed(values);
    const report = known === '' ? 'reported nothing of it' : `reported ${known}`;
    if (reason === 'restarted')
      return passes
        ? `the device had restarted since the last command, ${duration(amount)} ago, and ${report}`
        : `the device had restarted since the last command and ${report}; it was commanded ${duration(amount)} ago, and is commanded again after ${duration(limit)}`;
    const cause = reason === 'nothing' ? 'the device does not answer' : `the device ${report}`;
    if (reason === 'quiet') return `nothing ${mood} commanded again, as it was in the quiet hours`;
    return passes
      ? `${cause}, and was told ${duration(amount)} ago, longer than ${duration(limit)}`
      : `${cause}; it was told ${duration(amount)} ago, and is told again after ${duration(limit)}`;
  },
  error: ({ reason }) => `the rule failed: ${reason}`,
};

function emission({ passes, value, action, reason, amount = 0 }: TraceStep, mood: Mood): string {
  const side = value === true ? 'raised' : 'lowered';
  if (reason === undefined && value === undefined)
    return `nothing ${mood} commanded: nothing had been decided yet`;
  if (reason === undefined)
    return `nothing ${mood} commanded: the rule had been ${side} for ${duration(amount)}`;
  if (!passes) return `the rule was ${side}, and there was nothing to command`;
  const command = `${JSON.stringify(action)} ${mood} commanded`;
  switch (reason) {
    case 'first':
      return `this was the first verdict: ${side}, so ${command}`;
    case 'every':
      return `every reading is answered: ${side}, so ${command}`;
    case 'reassert':
      return `the rule was ${side} as before, so ${command} again`;
    case 'lost':
      return `${command}, which is safe`;
    case 'released':
      return `what the rule had started was taken back, so ${command}`;
    case 'found':
      return `the sensors could be heard again: ${side}, so ${command}`;
    case 'run_over':
      return `the run was over, so ${command}`;
    default:
      return `the rule was ${side}, so ${command}`;
  }
}

function lasted({ passes, amount = 0, limit = 0 }: TraceStep, what: string, clause: string): string {
  return passes
    ? `${what} for ${duration(amount)}, at least ${duration(limit)} (${clause})`
    : `${what} for ${duration(amount)} of ${duration(limit)} (${clause})`;
}

const COMPARISON = /^\s*([A-Za-z]\w*)\s*(?:<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/;

function expression({ text = '', value, values = {}, missing = [] }: TraceStep): string {
  const known = listed(values);
  if (value === undefined) {
    const lacking =
      missing.length === 0 ? '' : `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
    const reasons = [lacking, known].filter((reason) => reason !== '');
    return `"${text}" could not be told: ${reasons.length === 0 ? 'the reading has nothing of it' : reasons.join('; ')}`;
  }
  const outcome = typeof value === 'number' ? `came to ${rounded(value)}` : value ? 'held' : 'did not hold';
  const [, name, limit] = COMPARISON.exec(text) ?? [];
  const measured = name === undefined ? undefined : values[name];
  if (typeof measured === 'number')
    return `${name} was ${rounded(measured)}, ${position(measured, Number(limit))} ${limit}: "${text}" ${outcome}`;
  return known === '' ? `"${text}" ${outcome}` : `"${text}" ${outcome}: ${known}`;
}

function position(value: number, limit: number): string {
  if (value === limit) return 'equal to';
  return value < limit ? 'below' : 'above';
}

/** Longest rendering of one measurement, characters. */
const MAX_VALUE = 80;

function listed(values: NonNullable<TraceStep['values']>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const text = typeof value === 'number' ? rounded(value) : JSON.stringify(value);
      return `${name} was ${text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text}`;
    })
    .join(', ');
}

/** Nine digits are enough to read; the evidence has them all. */
export function rounded(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** A duration for people: `250 ms`, `12.3 s`, `2.5 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${tenths(ms / 1000)} s`;
  if (ms < 7_200_000) return `${tenths(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${tenths(ms / 3_600_000)} h`;
  return `${tenths(ms / 86_400_000)} days`;
}

function tenths(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
