import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useMemo, useState } from 'react';
import { ApiProblem } from '../../api/problem.js';
import { MOST_DEVICES } from '../../api/queries.js';
import { selectionQuery } from '../../api/selection-queries.js';
import { useSettled } from '../../elements/use-settled.js';

/** The devices whose last state meets a CEL condition; `matching` is undefined without a condition, or before the first answer. */
export function useCondition(
  fleet: string,
  when: string,
): { matching: ReadonlySet<string> | undefined; problem: string | undefined } {
  const isGiven = when.trim() !== '';
  const { data, error } = useQuery({
    ...selectionQuery(fleet, { when }, MOST_DEVICES),
    enabled: isGiven,
  });
  const names = data?.devices;
  const matching = useMemo(() => (names === undefined ? undefined : new Set(names)), [names]);
  if (!isGiven) return { matching: undefined, problem: undefined };
  return { matching, problem: error === null ? undefined : problemIn(error) };
}

function problemIn(error: Error): string {
  return (error instanceof ApiProblem ? error.errors[0]?.detail : undefined) ?? error.message;
}

export function ConditionField({
  value,
  problem,
  onChange,
}: {
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
}) {
  const id = useId();
  const [text, setText] = useState(value);
  const settled = useSettled(text);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing changes the condition
  useEffect(() => {
    if (settled !== value) onChange(settled);
  }, [settled]);
  return (
    <span className="condition">
      <input
        type="text"
        aria-label="Condition on the last state"
        aria-invalid={problem !== undefined}
        aria-describedby={id}
        placeholder="light < 300 && led_on"
        spellCheck={false}
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <span id={id} className="condition-problem" role="alert">
        {problem}
      </span>
    </span>
  );
}
