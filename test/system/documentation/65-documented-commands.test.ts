import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { until } from '@lamplighter/test-kit/until';
import { type Block, blocksOf, pagesWithCommands } from '../documentation.js';
import { type BlockResult, checkout, runInShell } from '../documentation-shell.js';
import { freePorts, launch, untilUp } from '../launch.js';

/**
 * Runs every block of commands in the documentation unchanged in a shell, with a real `npm start`. Blocks that cannot run are marked with
 * `<!-- test: skip, <reason> -->`, with one of these reasons. A block with `<!-- test: background -->` keeps running during the blocks below
 * it. A comment `# prints …` in a block is an expectation.
 */
const REASONS: Readonly<Record<string, string>> = {
  start: 'this test runs `npm start` itself, and `npm test` runs this test; 66 checks the flags',
  docker:
    'needs Docker: scripts/test-compose.mjs runs its commands, which 66 finds in scripts/compose/documented-commands.mjs',
  containers: 'needs Docker: scripts/test-compose.mjs runs the whole block',
  minutes: 'takes minutes; a test below checks that its script and options exist',
  network: 'needs an address in a network; covered by 93-start-for-the-network',
  'your servers': 'needs your own broker and Redis; covered by 27-services-without-dependencies',
};

/** Pages that continue in the shell of another page, whose blocks run first. */
const COMMON_BLOCKS: Readonly<Record<string, (block: Block) => boolean>> = {
  'docs/runbooks/': ({ page, section }) =>
    page === 'docs/runbooks/README.md' && section === 'before-you-type',
  'docs/telemetry-interval.md': ({ page, section }) =>
    page === 'docs/api/README.md' && section === 'the-rest-api',
  'docs/devices.md': ({ page, section }) => page === 'docs/api/README.md' && section === 'the-rest-api',
};

const all = pagesWithCommands().flatMap(blocksOf);
const commandBlocks = all.filter(({ language }) => language === 'sh' || language === 'python');
const isSkipped = ({ mark }: Block) => mark?.startsWith('skip, ') === true;
const place = ({ page, line }: Block) => `${page}:${line}`;

describe('blocks of the documentation', () => {
  it('are marked as sh if they look like commands', () => {
    const commands = /^(npm|node|docker|curl|mosquitto_\w+|redis-cli|git|cd|KEY=|API=)\b/m;
    const unmarked = all.filter(({ language, text }) => language === '' && commands.test(text));
    expect(unmarked.map(place)).toEqual([]);
  });

  it('run, or have a known reason to be skipped', () => {
    const known = new Set(['background', ...Object.keys(REASONS).map((reason) => `skip, ${reason}`)]);
    const unknown = all.filter(({ mark }) => mark !== undefined && !known.has(mark));
    expect(unknown.map(place)).toEqual([]);
    const used = new Set(all.map(({ mark }) => mark));
    expect([...known].filter((mark) => !used.has(mark))).toEqual([]);
  });

  it('that take minutes use options that their scripts have', async () => {
    const lines = commandBlocks
      .filter(({ mark }) => mark === 'skip, minutes')
      .flatMap(({ text }) => text.split('\n'));
    const used = new Map<string, string[]>();
    for (const line of lines) {
      const [, script, options = ''] = /^npm (?:run )?([a-z:]+)(?: -- ([^#]*))?/.exec(line) ?? [];
      if (script === undefined) continue;
      used.set(script, [...(used.get(script) ?? []), ...(options.match(/--[a-z-]+/g) ?? [])]);
    }
    expect(used.size).toBeGreaterThan(8);
    for (const [script, options] of used) {
      if (options.length === 0) continue;
      const { stdout } = await promisify(execFile)('npm', ['run', '--silent', script, '--', '--help'], {
        cwd: REPOSITORY,
      });
      for (const option of options) if (option !== '--help') expect(stdout).toContain(option);
    }
  }, 60_000);
});

describe('commands of the documentation', () => {
  let found: BlockResult[] = [];
  let unknownAction: Record<string, unknown> = {};
  let createdFiles: string[] = [];

  beforeAll(async () => {
    const { folder, state, createdFiles: files } = checkout();
    const ports = await freePorts();
    const env: Record<string, string> = { ...ports, LAMPLIGHTER_STATE: state };
    const start = launch(
      REPOSITORY,
      [process.execPath, 'scripts/start.mjs', '--devices', '10', '--lesson'],
      env,
    );
    await untilUp(start);
    const [, key = ''] = /API key +(lamp_\S+)/.exec(start.output()) ?? [];
    const send = async (method: string, path: string, body?: object, headers?: Record<string, string>) => {
      const response = await fetch(`http://127.0.0.1:${ports.API_PORT}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { ok: response.ok, body: (await response.json()) as Record<string, unknown> };
    };
    // The system has what the runbooks look for: lamps, a failing rule, and a command that is pending for an unknown device.
    await until(async () => (await send('GET', '/v1/fleets/demo/devices/lamp-0010')).ok, {
      what: 'the lamps to report',
    });
    // A fleet that has rules before its first reading gets no seed rules.
    await until(async () => (await send('GET', '/v1/fleets/demo/rules/night-light')).ok, {
      what: 'the seed rule',
    });
    await send('PUT', '/v1/fleets/demo/rules/broken', { when: '1 / light > 2', then: { led_on: true } });

    const old = { action: { led_on: true } };
    await send('POST', '/v1/fleets/demo/devices/gone-lamp/commands?allowUnknown=true', old);

    const shell = { folder, env, adapt: (text: string) => atPorts(text, ports) };
    const groups = new Map<string, Map<string, Block[]>>();
    for (const block of commandBlocks.filter((each) => !isSkipped(each))) {
      const group = Object.keys(COMMON_BLOCKS).find((prefix) => block.page.startsWith(prefix)) ?? block.page;
      if (COMMON_BLOCKS[group]?.(block)) continue;
      const pages = groups.get(group) ?? new Map<string, Block[]>();
      pages.set(block.page, [...(pages.get(block.page) ?? []), block]);
      groups.set(group, pages);
    }
    const shells = [...groups].map(([group, pages]) => {
      const isCommon = COMMON_BLOCKS[group];
      return runInShell(
        shell,
        commandBlocks.filter((block) => isCommon?.(block) && !isSkipped(block)),
        [...pages.values()],
      );
    });
    const results = () => shells.flatMap((each) => each.results());
    await Promise.all(shells.map(({ done }) => done));
    const python = () => results().find(({ block }) => block.language === 'python')?.output;
    await until(() => python() !== '', { what: 'the Python device of the README to get a command' });
    const lamp = '/v1/fleets/demo/devices/python-lamp';
    const reports = async () => JSON.stringify((await send('GET', lamp)).body).includes('"led_on":true');
    await until(reports, { what: 'the Python device to report led_on' });
    unknownAction = (
      await send('POST', `${lamp}/commands`, { action: { dance: true } }, { prefer: 'wait=10' })
    ).body;
    for (const { stop } of shells) stop();
    found = results();
    createdFiles = files();
  }, 150_000);

  it.each(commandBlocks.filter((block) => !isSkipped(block)).map((block) => [place(block), block] as const))(
    '%s works',
    (_, block) => {
      const result = found.find((each) => each.block === block);
      const { failed = ['did not run'], ended, output } = result ?? {};
      if (failed.length > 0 || !ended) throw new Error(`${failed.join('\n')}\noutput:\n${output}`);
      for (const [, printed] of block.text.matchAll(/# prints (.*)$/gm)) expect(output).toContain(printed);
    },
  );

  it('find the oldest open command and its device', () => {
    const { output } = found.find(({ block }) => block.text.includes('/v1/commands?limit=10'))!;
    const [list, command, device] = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(list.commands[0]).toMatchObject({ device: 'gone-lamp', lane: 'led_on', state: 'pending' });
    expect(command.id).toBe(list.commands[0].id);
    expect(device).toMatchObject({ device: 'gone-lamp' });
  });

  it('create no files in the repository', () => {
    expect(createdFiles).toEqual([]);
  });

  it('include the Python device of the README, which switches its lamp and rejects unknown actions', () => {
    expect(found.find(({ block }) => block.language === 'python')?.output).toBe('lamp on\n');
    expect(unknownAction).toMatchObject({
      state: 'rejected',
      answer: { reason: 'this lamp only knows led_on' },
    });
  });
});

/** The text with the ports of this instance. */
function atPorts(text: string, ports: Record<string, string>): string {
  return text
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${ports.API_PORT}`)
    .replaceAll('127.0.0.1:9090', `127.0.0.1:${ports.PROMETHEUS_PORT}`)
    .replaceAll('"127.0.0.1", 1883', `"127.0.0.1", ${ports.MQTT_PORT}`)
    .replaceAll('127.0.0.1:1883', `127.0.0.1:${ports.MQTT_PORT}`);
}
