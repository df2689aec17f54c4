/**
 * The API key of this tab. It is kept in memory, and in the session storage only if the user asks for it: then it survives a reload, and ends
 * with the tab.
 */
const STORED = 'lamplighter.api-key';

/**
 * Takes the key out of the fragment of a sign-in link (`#key=…`). The fragment is never sent to a server, and is removed from the address bar
 * and the history before anything is shown.
 */
export function takeKeyFromLink({ location, history }: Window): string | undefined {
  const [, key] = /^#key=([^&]+)$/.exec(location.hash) ?? [];
  if (key === undefined) return undefined;
  history.replaceState(null, '', location.pathname + location.search);
  return decodeURIComponent(key);
}

export function readStoredKey(storage: Storage): string | undefined {
  return storage.getItem(STORED) ?? undefined;
}

export function storeKey(storage: Storage, key: string | undefined): void {
  if (key === undefined) storage.removeItem(STORED);
  else storage.setItem(STORED, key);
}
