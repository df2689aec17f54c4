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

/** A filter by the name of a device. */
export function DeviceFilter({
  value,
  onChange,
}: {
  value: string | null;
  onChange: (device: string) => void;
}) {
  return (
    <input
      type="search"
      aria-label="Device"
      placeholder="Device"
      value={value ?? ''}
      onChange={({ target }) => onChange(target.value.trim())}
    />
  );
}
