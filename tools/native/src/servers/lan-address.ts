import { networkInterfaces } from 'node:os';
import { CannotStart } from '../state/settings.js';

/** Interfaces of container engines and virtual machines, which devices cannot reach. */
const VIRTUAL = /^(docker|br-|veth|virbr|vmnet|bridge)/;

/**
 * The address of this machine on which devices on the network are admitted.
 * @param wanted the address that the user named; empty if the only one is meant
 * @throws CannotStart if there is none or more than one, or this machine does not have the address
 */
export function lanAddress(wanted: string, interfaces = networkInterfaces()): string {
  const all = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.filter(({ family }) => family === 'IPv4').map((entry) => ({ name, ...entry })),
  );
  const reachable = all.filter(({ name, internal }) => !internal && !VIRTUAL.test(name));
  const list = reachable.map(({ name, address }) => `\n  ${address}  ${name}`).join('');
  // Linux accepts every address of 127.0.0.0/8.
  if (wanted !== '' && !wanted.startsWith('127.') && !all.some(({ address }) => address === wanted))
    throw new CannotStart(`this machine does not have the address ${wanted}; it has:${list || ' none'}`);
  if (wanted !== '') return wanted;
  const [only, ...more] = reachable;
  if (only === undefined)
    throw new CannotStart('this machine has no network address; connect it to a network, or leave out --lan');
  if (more.length > 0)
    throw new CannotStart(`this machine has several addresses; name one with --lan=ADDRESS:${list}`);
  return only.address;
}
