/** A filter with a choice for "any". */
export function FilterSelect({
  label,
  any,
  value,
  options,
  onChoose,
}: {
  label: string;
  /** As in "any state". */
  any: string;
  value: string | null;
  options: readonly string[];
  onChoose: (value: string) => void;
}) {
  return (
    <select aria-label={label} value={value ?? ''} onChange={({ target }) => onChoose(target.value)}>
      <option value="">{any}</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {option.replaceAll('_', ' ')}
        </option>
      ))}
    </select>
  );
}
