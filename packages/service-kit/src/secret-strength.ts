/** Generated secrets have 32 characters; a random one of this length cannot be guessed either. */
const MIN_LENGTH = 16;
/** Fewer are a repetition. */
const MIN_DIFFERENT = 8;
/** Guessed first, alone or several in a row. */
const WELL_KNOWN =
  /password|passw0rd|passphrase|secret|change-?me|letmein|welcome|default|example|administrator|admin|root|guest|test|qwerty(uiop)?|asdf(ghjkl)?|iloveyou|correcthorsebatterystaple|lamplighter|mosquitto|mqtt|redis|grafana|prometheus|abc|0?123(4(5(6(7(8(90?)?)?)?)?)?)?|(9?8?7?6?5?4?)321/g;
/** Characters that must remain without the well-known words. */
const MIN_REMAINING = 8;

/** Why a secret is too easy to guess, as a predicate such as "is shorter than 16 characters"; undefined if it is not. */
export function weaknessOf(secret: string): string | undefined {
  if (secret.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`;
  if (new Set(secret).size < MIN_DIFFERENT) return `has fewer than ${MIN_DIFFERENT} different characters`;
  const remaining = secret
    .toLowerCase()
    .replaceAll(WELL_KNOWN, '')
    .replaceAll(/[^a-z0-9]/g, '');
  return remaining.length < MIN_REMAINING ? 'consists of well-known words' : undefined;
}
