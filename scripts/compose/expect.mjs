// Assertions of the compose test, and waits for a condition.

const POLL_MS = 500;

/** @param {boolean} holds @param {string} message @returns {asserts holds} */
export function expect(holds, message) {
  if (!holds) throw new Error(message);
}

/**
 * Polls a condition until it returns true. Another result describes the current state; it is part of the error after the timeout.
 * @param {string} what @param {() => Promise<true | string>} condition @returns {Promise<true>}
 */
export async function until(what, condition, seconds = 90) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const state = await condition().catch((error) => String(error));
    if (state === true) return true;
    expect(Date.now() < deadline, `waited ${seconds} s for ${what}: ${state}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}
