import { exampleRun } from '../test/example-run.js';
import { mutate } from '../test/mutate.js';
import { certificate } from './certificate.js';
import { checkRun } from './checks/check-run.js';

const of = (run: ReturnType<typeof exampleRun>) => certificate(run, checkRun(run));

describe('certificate', () => {
  it('lists the run, its faults and the result of each check', () => {
    const text = of(exampleRun());
    expect(text).toMatch(/^Certificate: every promise was kept/);
    for (const line of [
      /seed +1$/m,
      /faults injected +1$/m,
      /kill -9 rules 1$/m,
      /commands superseded +1$/m,
      /readings lost +0$/m,
      /executed though superseded +0$/m,
    ])
      expect(text).toMatch(line);
  });

  it('is rejected if a promise was broken, and lists the violations', () => {
    const text = of(mutate(exampleRun(), 'double'));
    expect(text).toMatch(/^NO CERTIFICATE/);
    expect(text).toMatch(/executed twice +1$/m);
    expect(text).toContain('demo/lamp led 2 (second)');
  });
});
