import { useSearchParams } from 'wouter';

/** The query of the address, and a function that changes some of its parameters; empty ones are removed. */
export function useQueryChanges(): [
  URLSearchParams,
  (changes: Readonly<Record<string, string | undefined>>) => void,
] {
  const [query, setQuery] = useSearchParams();
  const change = (changes: Readonly<Record<string, string | undefined>>) =>
    setQuery(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value === undefined || value === '') next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  return [query, change];
}

/** The parameters of a query that filter a list; the values are those of the address, which the api checks. */
export function filterIn<F extends object>(query: URLSearchParams, names: readonly (keyof F & string)[]): F {
  return Object.fromEntries(
    names.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])),
  ) as unknown as F;
}
