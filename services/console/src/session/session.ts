import { useSyncExternalStore } from 'react';
import { readStoredKey, storeKey, takeKeyFromLink } from './api-key.js';

export interface Session {
  readonly key: string | undefined;
  /** The key is in the session storage. */
  readonly isStored: boolean;
  /** Why the last session ended. */
  readonly ended: string | undefined;
}

const listeners = new Set<() => void>();
let session = initialSession();

function initialSession(): Session {
  const linked = takeKeyFromLink(window);
  const stored = readStoredKey(sessionStorage);
  return { key: linked ?? stored, isStored: linked === undefined && stored !== undefined, ended: undefined };
}

function replaceSession(next: Session): void {
  session = next;
  storeKey(sessionStorage, next.isStored ? next.key : undefined);
  for (const notify of listeners) notify();
}

export function signIn(key: string, isStored: boolean): void {
  replaceSession({ key, isStored, ended: undefined });
}

/** Keeps the key for reloads of this tab, or forgets it again. */
export function keepKey(isStored: boolean): void {
  replaceSession({ ...session, isStored });
}

/** @param reason shown on the sign-in page; none if the user signed out */
export function signOut(reason?: string): void {
  replaceSession({ key: undefined, isStored: false, ended: reason });
}

export function currentKey(): string | undefined {
  return session.key;
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

function subscribe(notify: () => void): () => void {
  listeners.add(notify);
  return () => listeners.delete(notify);
}
