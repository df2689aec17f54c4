// What the compose test asks running services, and how long it waits for the answer that it expects.

const POLL_MS = 500;
const ANSWER_MS = 10_000;

/** @typedef {{ method?: string, headers?: Record<string, string>, body?: string }} Question */

/** An HTTP request to a published port. @param {number} port @param {string} path @param {Question} [init] */
export function question(port, path, init = {}) {
  return fetch(new URL(path, `http://127.0.0.1:${port}`), {
    ...init,
    signal: AbortSignal.timeout(ANSWER_MS),
  });
}

/** The body of an answer. @param {Promise<Response>} answer @returns {Promise<any>} */
export async function json(answer) {
  return (await answer).json();
}

/**
 * The value of a PromQL query; undefined if it has none.
 * @param {number} port @param {string} query @returns {Promise<number | undefined>}
 */
export async function queryPrometheus(port, query) {
  const { data } = await json(question(port, `/api/v1/query?${new URLSearchParams({ query })}`));
  const value = data?.result[0]?.value[1];
  return value === undefined ? undefined : Number(value);
}

/**
 * Polls until the condition holds; what it returns instead of true is told if it never does.
 * @param {string} what @param {() => Promise<true | string>} condition @returns {Promise<true>}
 */
export async function until(what, condition, seconds = 90) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const holds = await condition().catch((error) => String(error));
    if (holds === true) return true;
    expect(Date.now() < deadline, `waited ${seconds} s for ${what}: ${holds}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** @param {boolean} holds @param {string} complaint @returns {asserts holds} */
export function expect(holds, complaint) {
  if (!holds) throw new Error(complaint);
}
