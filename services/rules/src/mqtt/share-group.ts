import { createHash } from 'node:crypto';

/**
 * The group of the shared subscriptions. Mosquitto grants every subscription and checks access only when it delivers: a client that
 * knows the name can join the group and so take messages away, without being able to read them. Hence the name follows from the
 * service's password at the broker: the replicas of one installation agree on it, and no one else knows it. It is as secret as the
 * password and must not be logged. With another password there is another group; while replicas of both run, each group gets every
 * message, so nothing is lost. A broker that asks for no password has nothing to protect.
 */
export function shareGroup(mqttUrl: string): string {
  const { username, password } = new URL(mqttUrl);
  if (password === '') return 'rules';
  const account = `${decodeURIComponent(username)}\n${decodeURIComponent(password)}`;
  return `rules-${createHash('sha256').update(`lamplighter share group\n${account}`).digest('base64url')}`;
}
