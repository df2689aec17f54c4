/**
 * A resource that is closed automatically, newest first: at the end of the test, or at the end of the file if it was opened outside a test
 * (in `beforeAll`). A failure to close it, or a socket or process that is still open afterwards, fails the test.
 */
interface Resource {
  readonly name: string;
  close(): Promise<unknown> | unknown;
}

const ofFile: Resource[] = [];
const ofTest: Resource[] = [];
let inTest = false;

/** Registers a resource. It may be closed earlier if closing it twice is harmless. */
export function closeLater(name: string, close: Resource['close']): void {
  (inTest ? ofTest : ofFile).push({ name, close });
}

/** Closes all resources; for programs that use the kit without Jest. */
export async function closeEverything(): Promise<void> {
  await closeAll(ofTest);
  await closeAll(ofFile);
}

async function closeAll(resources: Resource[]): Promise<void> {
  const failures: string[] = [];
  for (let next = resources.pop(); next !== undefined; next = resources.pop()) {
    try {
      await next.close();
    } catch (error) {
      failures.push(`${next.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failures.length > 0) throw new Error(`could not close:\n  ${failures.join('\n  ')}`);
}

/** Handles that keep the process alive and that a test must close. */
const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'ProcessWrap'];
const CLOSING_MS = 10_000;

function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((name) => WATCHED.includes(name));
}

async function expectNoLeak(before: number): Promise<void> {
  const deadline = Date.now() + CLOSING_MS;
  while (openHandles().length > before && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const remaining = openHandles();
  if (remaining.length > before)
    throw new Error(`this test file left open: ${remaining.slice(before).join(', ')}`);
}

type Hook = (run: () => unknown, timeoutMs?: number) => void;
const jest = globalThis as { beforeEach?: Hook; afterEach?: Hook; afterAll?: Hook };
const HOOK_MS = 60_000;

const before = openHandles().length;
jest.beforeEach?.(() => {
  inTest = true;
});
jest.afterEach?.(async () => {
  inTest = false;
  await closeAll(ofTest);
}, HOOK_MS);
jest.afterAll?.(async () => {
  await closeEverything();
  await expectNoLeak(before);
}, HOOK_MS);
