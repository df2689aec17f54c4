// Runs a Jest project that needs the test tools: prepares the repository and installs missing programs first.
import { prepare, UserError } from './prepare.mjs';
import { runNode } from './run-node.mjs';

/** @param {string} project @param {string} notice printed before the tests, if not empty */
export async function runPrepared(project, notice) {
  try {
    await prepare((line) => console.log(line));
    const { installMissing, TEST_TOOLS } = await import('../tools/native/dist/servers/install.js');
    installMissing(TEST_TOOLS, (line) => console.log(line));
    if (notice !== '') console.log(notice);
    const args = ['--selectProjects', project, '--runInBand', '--verbose', ...process.argv.slice(2)];
    runNode(['scripts/jest.mjs', ...args]);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!(error instanceof UserError) && error.name !== 'CannotStart') throw error;
    console.error(`lamplighter: ${error.message}`);
    process.exitCode = 1;
  }
}
