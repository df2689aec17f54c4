import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  directPackages,
  licenceProblems,
  pageProblems,
  scriptProblems,
} from '../../../scripts/packages/lockfile.mjs';

/** A lockfile with one package. */
const locked = (facts: object) => ({ 'node_modules/x': { version: '1.0.0', license: 'MIT', ...facts } });

describe('npm run check:packages', () => {
  it('accepts the packages of this repository', () => {
    expect(execFileSync(process.execPath, ['scripts/packages/check.mjs'], { encoding: 'utf8' })).toMatch(
      /^packages: \d+/,
    );
  });

  it.each([
    [{}, []],
    [{ license: '(MIT OR GPL-3.0)' }, []],
    [{ license: 'MPL-2.0', dev: true }, []],
    [{ license: 'MPL-2.0' }, ['x has the licence MPL-2.0, and is not only for development']],
    [{ license: 'MIT AND GPL-3.0', dev: true }, ['x has the licence MIT AND GPL-3.0']],
    [{ license: 'AGPL-3.0', dev: true }, ['x has the licence AGPL-3.0']],
    [{ license: undefined }, ['x states no licence']],
  ])('checks the licence of a package with %j', (facts, problems) => {
    expect(licenceProblems(locked(facts))).toEqual(problems);
  });

  it('finds a new package with an install script', () => {
    expect(scriptProblems(locked({}))).toEqual([]);
    expect(scriptProblems(locked({ hasInstallScript: true }))).toEqual([
      expect.stringContaining('x has an install script'),
    ]);
  });

  it('finds packages without a reason, rows without a package, and versions that are not exact', () => {
    const direct = directPackages([
      { dependencies: { a: '1.0.0', '@lamplighter/store': '0.1.0' }, devDependencies: { b: '^2.0.0' } },
    ]);
    expect(pageProblems(direct, '| `a`, `c` | why |\n')).toEqual([
      'b has no reason in docs/packages.md',
      'docs/packages.md lists c, which no manifest names',
      'b has no exact version: ^2.0.0',
    ]);
  });
});

it('npm run sbom lists every package that the services run with', () => {
  const output = execFileSync('npm', ['run', '--silent', 'sbom'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const { bomFormat, components } = JSON.parse(output) as {
    bomFormat: string;
    components: { name: string; version: string }[];
  };
  expect(bomFormat).toBe('CycloneDX');
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
  for (const service of ['api', 'rules', 'device-sim']) {
    const { dependencies } = JSON.parse(readFileSync(`services/${service}/package.json`, 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const foreign = Object.entries(dependencies).filter(([name]) => !name.startsWith('@lamplighter/'));
    for (const [name, version] of foreign) expect(listed).toContain(`${name}@${version}`);
  }
});

it('the test compiler and the bundler work although their install scripts did not run', () => {
  expect(readFileSync('.npmrc', 'utf8')).toContain('ignore-scripts=true\n');
  const run = (script: string) =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(
    run(
      "import esbuild from 'esbuild'; console.log(esbuild.transformSync('let a: number = 1', { loader: 'ts' }).code)",
    ),
  ).toContain('let a = 1');
  expect(
    run(
      "import swc from '@swc/core'; console.log(swc.transformSync('let a: number = 1', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }).code)",
    ),
  ).toContain('let a = 1');
});
