import { useId } from 'react';

/** A labelled text field, or a select if it has options. */
export function Field({
  label,
  value,
  placeholder,
  options,
  isLong = false,
  onChange,
}: {
  label: string;
  value: string;
  placeholder?: string;
  options?: readonly (readonly [value: string, text: string])[];
  isLong?: boolean;
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {options !== undefined ? (
        <select id={id} value={value} onChange={({ target }) => onChange(target.value)}>
          {options.map(([each, text]) => (
            <option key={each} value={each}>
              {text}
            </option>
          ))}
        </select>
      ) : isLong ? (
        <textarea
          id={id}
          rows={2}
          value={value}
          placeholder={placeholder}
          onChange={({ target }) => onChange(target.value)}
        />
      ) : (
        <input
          id={id}
          type="text"
          value={value}
          placeholder={placeholder}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </div>
  );
}
