import { parseArgs } from 'node:util';
import { readDoc, writeDocs } from '../documents/page.js';

/** An experiment on simulated devices whose results are part of the documentation. */
export interface Lab {
  /** Name of its npm script. */
  readonly script: string;
  /** What it compares, for the usage. */
  readonly summary: string;
  /** Names of its page and its picture in docs/. */
  readonly page: string;
  readonly picture: string;
  /** Prints the results and returns the new contents of both files. */
  run(page: string): { page: string; picture: string };
}

/** Runs a lab as a program: writes its files, or with `--check` compares them. Exit code 1 if they differ, 2 on invalid options. */
export function runLab({ script, summary, page, picture, run }: Lab): void {
  const usage = `Usage: npm run ${script} -- [options]
  --check   write nothing; exit code 1 if docs/${page} or docs/${picture} differs from the results
Compares ${summary} and writes docs/${page} and docs/${picture}.`;
  const options = parse(usage);
  if (options === undefined) {
    process.exitCode = 2;
  } else if (options.help) {
    console.log(usage);
  } else {
    const contents = run(readDoc(page));
    const files = { [page]: contents.page, [picture]: contents.picture };
    if (options.check) check(files, script);
    else writeDocs(files);
  }
}

function parse(usage: string) {
  try {
    return parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
      .values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return undefined;
  }
}

function check(files: Readonly<Record<string, string>>, script: string): void {
  for (const [file, content] of Object.entries(files)) {
    if (readDoc(file) === content) continue;
    console.error(`docs/${file} is outdated; npm run ${script} writes it`);
    process.exitCode = 1;
  }
}
