// Starts Jest in ESM mode with the given arguments.
import { runNode } from './run-node.mjs';

const args = process.argv.slice(2);
// Jest treats every argument after --selectProjects as a project name; here one name follows, then paths.
const at = args.indexOf('--selectProjects');
const project = at < 0 ? [] : args.splice(at, 2);
runNode(['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...args, ...project]);
