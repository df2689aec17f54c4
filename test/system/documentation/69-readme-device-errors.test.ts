import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@lamplighter/test-kit/folder';
import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { until } from '@lamplighter/test-kit/until';
import { blocksOf } from '../documentation.js';
import { type Launcher, launch } from '../launch.js';

/** Runs the Python device of the README with another password and port. */
function run(password: string, port: number): Launcher {
  const folder = mkdtempSync(join(temporaryFolder(), 'device-'));
  mkdirSync(join(folder, '.lamplighter/secrets'), { recursive: true });
  writeFileSync(join(folder, '.lamplighter/secrets/mqtt-demo'), `${password}\n`);
  const { text } = blocksOf('README.md').find(({ language }) => language === 'python')!;
  writeFileSync(join(folder, 'device.py'), text.replace('"127.0.0.1", 1883', `"127.0.0.1", ${port}`));
  return launch(folder, ['/usr/bin/python3', 'device.py'], {});
}

it('the Python device of the README reports a wrong password and an unavailable broker', async () => {
  const broker = await startBroker();
  const password = new URL(broker.fleetUrl('demo')).password;
  const wrong = run('wrong', broker.port);
  await until(() => /the broker refused the connection: .*not authori[sz]ed/i.test(wrong.output()), {
    what: 'the device to report the refused connection',
  });

  const alone = run(password, await freePort());
  await until(() => alone.output().includes('cannot reach the broker; trying again'), {
    what: 'the device to report the unavailable broker',
  });
  for (const device of [wrong, alone]) {
    expect(device.output()).not.toContain('Traceback');
    device.process.kill('SIGKILL');
  }
});
