import type { Redis } from 'ioredis';

/** How often the URL is read again, milliseconds. */
const EVERY_MS = 1000;

/**
 * Signs in again when the user or password of the URL changes, without closing the connection, and uses them for later connections. Another host
 * or port needs a restart. Until Redis accepts the new password, the connection keeps its earlier account, and each read tries again.
 */
export function followCredentials(redis: Redis, url: string, readUrl: () => string | undefined): void {
  let signedInWith = url;
  const signIn = async () => {
    const next = readUrl();
    if (next === undefined || next === signedInWith || !URL.canParse(next)) return;
    const { username, password } = new URL(next);
    const account = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
    if (redis.status !== 'ready') {
      // The next attempt to connect uses them.
    } else if (redis.mode === 'subscriber') await expectAccepted(redis, account);
    else await redis.auth(account.username, account.password);
    Object.assign(redis.options, account);
    signedInWith = next;
    // A subscriber cannot sign in again, so it connects again; the next poll finds what it misses meanwhile.
    if (redis.mode === 'subscriber') redis.disconnect(true);
  };
  const timer = setInterval(() => void signIn().catch(() => undefined), EVERY_MS);
  timer.unref();
  redis.once('end', () => clearInterval(timer));
}

/** @throws if Redis does not accept the account, for instance because it has not loaded it yet */
async function expectAccepted(redis: Redis, account: { username: string; password: string }): Promise<void> {
  const probe = redis.duplicate({
    ...account,
    retryStrategy: () => null,
    lazyConnect: true,
    enableReadyCheck: false,
  });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    await probe.ping();
  } finally {
    probe.disconnect();
  }
}
