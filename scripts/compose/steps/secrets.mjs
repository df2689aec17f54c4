// Where secrets must not be: environments, arguments, logs and images.
import { expect } from '../expect.mjs';

/** @typedef {import('../stack.mjs').Stack} Stack */

/** Prints the environment and the arguments of every process of a container. */
const PROCESSES =
  "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ; tr '\\0' '\\n' <$p/cmdline; done 2>/dev/null; true";
/** The image of the exporter contains no shell; what the engine reports about its process is checked. */
const WITHOUT_SHELL = ['redis-exporter'];

/** @param {Stack} stack */
export async function secretsStaySecret(stack) {
  const { project } = stack;
  const secrets = [stack.apiKey, ...(await generatedSecrets(stack))];
  /** @param {string} place @param {string} text */
  const expectNone = (place, text) => {
    const found = secrets.filter((secret) => text.includes(secret)).length;
    expect(found === 0, `${place} contains ${found} secrets`);
  };
  const containers = await project.inspect();
  for (const { Name, Image, State, Config, ...rest } of containers) {
    expectNone(`the configuration of ${Name}`, JSON.stringify({ Config, rest }));
    expectNone(`the image of ${Name}`, await project.imageHistory(Image));
    const service = Config.Labels['com.docker.compose.service'] ?? '';
    if (!State.Running || WITHOUT_SHELL.includes(service)) continue;
    const processes = await project.insideContainer(Name, ['sh', '-c', PROCESSES]);
    expect(processes.includes('PATH='), `cannot read the processes of ${Name}`);
    expectNone(`a process of ${Name}`, processes);
  }
  expectNone('a log', await project.compose(['logs', '--no-color']));
}

/** The generated passwords and tokens; all of them are private and long. @param {Stack} stack */
async function generatedSecrets({ project }) {
  const show = 'cd /secrets/own; stat -c "%a %n" *; echo; for f in *; do cat "$f"; done';
  const printed = await project.compose(['run', '--rm', '-T', '--entrypoint', 'sh', 'secrets', '-c', show]);
  const [files = '', values = ''] = printed.trim().split('\n\n');
  const modes = files.split('\n');
  expect(modes.length >= 9 && modes.every((line) => line.startsWith('600 ')), `files of secrets:\n${files}`);
  const secrets = values.split('\n');
  expect(secrets.length === modes.length && secrets.every(({ length }) => length >= 32), 'a secret is short');
  return secrets;
}
