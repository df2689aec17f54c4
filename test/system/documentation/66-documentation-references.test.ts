import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { PORTS } from '@lamplighter/native/state/settings';
import { parse } from 'yaml';
import { DOCUMENTED } from '../../../scripts/compose/documented-commands.mjs';
import { HELP, readFlags } from '../../../scripts/flags.mjs';
import { allPages, blocksOf, pagesWithCommands, proseOf, readPage, slugOf } from '../documentation.js';

const CONFIGS = [
  'services/rules/src/config.ts',
  'services/api/src/foundation/config.ts',
  'services/device-sim/src/config.ts',
];
const source = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found!);
const { scripts } = JSON.parse(source('package.json')) as { scripts: Record<string, string> };

describe('links', () => {
  const anchors = new Map(
    allPages().map((page) => {
      const slugs = matches(proseOf(page), /^#+ (.*)$/gm).map(slugOf);
      // A repeated heading gets a number.
      const numbered = slugs.map((slug, at) => {
        const before = slugs.slice(0, at).filter((other) => other === slug).length;
        return before === 0 ? slug : `${slug}-${before}`;
      });
      return [page, new Set(numbered)] as const;
    }),
  );

  it.each(allPages())('of %s have existing targets', (page) => {
    const broken = matches(proseOf(page).replace(/`[^`\n]*`/g, ''), /\]\(([^)\s]+)\)/g)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#') as [string, string?];
        const target = path === '' ? page : normalize(join(dirname(page), path));
        if (!existsSync(join(REPOSITORY, target))) return true;
        return anchor !== undefined && !anchors.get(target)?.has(decodeURIComponent(anchor));
      });
    expect(broken).toEqual([]);
  });
});

describe('the pages match the repository in', () => {
  const text = pagesWithCommands().map(readPage).join('\n');

  it('npm scripts', () => {
    const named = new Set(matches(text, /npm run (?:--silent )?([a-z][a-z:-]*[a-z])/g));
    expect([...named].filter((name) => !(name in scripts))).toEqual([]);
    // `npm run check` runs its parts; `npm start` and `npm test` need no `run`.
    const own = Object.keys(scripts).filter((name) => !/^(check:.*|start|test)$/.test(name));
    expect(own.filter((name) => !named.has(name))).toEqual([]);
  });

  it('flags of npm start', () => {
    const table = matches(source('docs/running.md'), /^\| `(--[a-z-]+)(?: [A-Z]+)?` \|/gm);
    const known = matches(source('scripts/flags.mjs'), /arg === '(--[a-z-]+)'/g).filter(
      (flag) => flag !== '--help',
    );
    expect(table.sort()).toEqual(known.sort());
    for (const flag of known) expect(HELP).toContain(flag);
    for (const flags of matches(text, /npm start -- ((?:--[a-z-]+(?:[ =]\d+)? ?)+)/g))
      expect(() => readFlags(flags.trim().split(' '), {})).not.toThrow();
  });

  it('variables of the services, with their defaults', () => {
    const page = source('docs/running.md');
    const tables = matches(page + source('services/device-sim/README.md'), /^\| (`[A-Z].*)$/gm).join('\n');
    for (const file of CONFIGS) {
      const config = source(file);
      for (const name of matches(config, /^ {2}([A-Z][A-Z_]+): /gm)) expect(tables).toContain(`\`${name}\``);
    }
    for (const [name, { fallback }] of Object.entries(PORTS)) {
      expect(tables).toContain(`\`${name}\``);
      expect(tables).toContain(String(fallback));
      expect(HELP).toContain(`${name} (${fallback})`);
    }
    const sources = CONFIGS.map(source).join();
    const real = new Set([
      ...matches(sources, /^ {2}([A-Z][A-Z_]+): /gm),
      ...Object.keys(PORTS),
      ...['HOST', 'LOG_LEVEL', 'METRICS_TOKEN', 'ALERTMANAGER_PORT', 'GRAFANA_PORT', 'LAMPLIGHTER_STATE'],
    ]);
    const named = matches(tables, /`([A-Z][A-Z_]+)`/g).filter((name) => name !== 'X_FILE');
    expect(named.filter((name) => !real.has(name))).toEqual([]);
  });

  it('variables of the example', () => {
    const program = source('examples/night-light/night-light.mjs').split('} = process.env')[0]!;
    const page = source('examples/night-light/README.md');
    const named = matches(page, /^\| (.*?) \|/gm).flatMap((cell) => matches(cell, /`([A-Z_]+)`/g));
    expect(named.sort()).toEqual(matches(program, /^ {2}([A-Z_]+) = /gm).sort());
  });

  it('Docker commands, which scripts/test-compose.mjs runs', () => {
    const commands = allPages()
      .filter((page) => page !== 'CHANGELOG.md')
      .map((page) => readPage(page).replace(/^<!-- test: skip, containers -->\n```sh\n[\s\S]*?^```$/gm, ''))
      .flatMap((page) => page.match(/docker (?:compose (?=[a-z-])|system |builder )[^`#;\n]*/g) ?? [])
      .map((command) => command.trim())
      .filter((command) => !command.startsWith('docker compose run --rm secrets fleet … '));
    expect([...new Set(commands)].sort()).toEqual(Object.keys(DOCUMENTED).sort());
  });

  it('services of docker compose', () => {
    const { services } = parse(source('docker-compose.yml')) as { services: Record<string, unknown> };
    const named = [
      ...matches(
        text,
        /docker compose (?:exec|restart|logs|run)((?: --?[a-z-]+(?: cat| \d+m)?)* [a-z][a-z-]*)/g,
      ).map((words) => words.split(' ').at(-1)!),
      ...matches(text, /--scale ([a-z-]+)=\d/g),
    ];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !(name in services))).toEqual([]);
  });
});

it('every script prints its usage with --help', async () => {
  const run = promisify(execFile);
  // The build is omitted: several scripts would run it at the same time.
  const usages = Object.entries(scripts)
    .map(([name, command]) => [name, command.replace(/^npm run --silent build && /, '')] as const)
    .filter(
      ([name, command]) =>
        /^(exec )?node (scripts|bench)\//.test(command) && !/^(start|test:(unit|system))$/.test(name),
    );
  expect(usages.length).toBeGreaterThan(10);
  const results = await Promise.all(
    usages.map(([name, command]) =>
      run('sh', ['-c', `${command} --help`], { cwd: REPOSITORY, timeout: 50_000 }).then(
        ({ stdout }) =>
          stdout.includes(
            name === 'test' ? 'npm test' : `npm run ${name === 'key' ? '--silent key' : name}`,
          ) || name,
      ),
    ),
  );
  expect(results.filter((result) => result !== true)).toEqual([]);
}, 60_000);

describe('examples', () => {
  it('use the default lane of the first key for led_on', () => {
    const examples = [
      ...allPages().flatMap((page) => blocksOf(page).map(({ text }) => text)),
      ...allPages().flatMap((page) => matches(proseOf(page), /`([^`\n]*)`/g)),
      source('docs/api/openapi.json'),
    ].join('`');
    const lanes = matches(examples, /"led_on"[^`$]{0,300}?"lane":\s*"([^"]*)"/g);
    expect(lanes.length).toBeGreaterThan(2);
    expect(new Set(lanes)).toEqual(new Set(['led_on']));
  });

  it('of two sections never use the same device', () => {
    const driven = new Map<string, Set<string>>();
    const blocks = pagesWithCommands().flatMap(blocksOf);
    for (const { page, section, text } of blocks.filter(({ language }) => language !== 'json')) {
      const topics = matches(text, /\bdemo\/(?:telemetry|commands)\/([\w.-]+)/g);
      const resources = matches(text, /devices\/([\w.-]+)\/(?:commands(?!\?)|settings)/g);
      const names = matches(text, /\bDEVICE = "demo", "([\w.-]+)"/g);
      for (const device of [...topics, ...resources, ...names]) {
        const places = driven.get(device) ?? new Set();
        driven.set(device, places.add(`${page}#${section}`));
      }
    }
    expect(driven.size).toBeGreaterThan(5);
    expect([...driven].filter(([, places]) => places.size > 1)).toEqual([]);
  });
});
