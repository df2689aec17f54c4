import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../state/repository.js';

/** Joins two fleets and a service with the lines of the api; returns the files of the broker. */
function joined(devices?: string): { passwords: string; acl: string; mode: number } {
  const folder = mkdtempSync(join(tmpdir(), 'lamplighter-'));
  mkdirSync(join(folder, 'fleets'));
  writeFileSync(join(folder, 'fleets/passwords'), 'demo:$7$demo\n');
  writeFileSync(join(folder, 'fleets/acl'), 'user rules\ntopic read #\npattern write %u/telemetry/#\n');
  if (devices !== undefined) writeFileSync(join(folder, 'devices'), devices);
  const script = join(REPOSITORY, 'mosquitto/merge.sh');
  execFileSync('/bin/sh', [script, join(folder, 'fleets'), join(folder, 'devices'), folder]);
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  return {
    passwords: text('passwords'),
    acl: text('acl'),
    mode: statSync(join(folder, 'passwords')).mode & 0o777,
  };
}

describe('the files of the device listener', () => {
  it('contain the accounts of fleets, and those of devices with a block each', () => {
    const { passwords, acl, mode } = joined('pump-1:plant:$7$101$a/+=\n');
    expect(passwords).toBe('demo:$7$demo\npump-1:$7$101$a/+=\n');
    expect(acl).toMatch(/%u[/]telemetry[/]#\n\nuser pump-1\ntopic deny pump-1[/]#\n/);
    expect(acl).toContain('\ntopic write plant/telemetry/pump-1\n');
    expect(mode).toBe(0o600);
  });

  it.each([
    ['there is no file of devices', undefined],
    ['it is empty', ''],
    ['a device has the name of a fleet', 'demo:plant:$7$x\n'],
    ['a device has the name of a service', 'rules:plant:$7$x\n'],
    ['a line has too few parts', 'pump-1:plant\n'],
    ['a line has too many parts', 'pump-1:plant:$7$x:y\n'],
    ['a name contains a wildcard', 'pump-1:#:$7$x\n+:plant:$7$x\n'],
    ['a name is empty', ':plant:$7$x\npump-1::$7$x\n'],
    ['a name contains a topic level', 'pump-1:plant/x:$7$x\n'],
  ])('contain only the accounts of fleets if %s', (_, devices) => {
    const { passwords, acl } = joined(devices);
    expect(passwords).toBe('demo:$7$demo\n');
    expect(acl.match(/^user .*/gm)).toEqual(['user rules']);
  });
});
