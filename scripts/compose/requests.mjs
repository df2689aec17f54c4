// HTTP requests of the compose test to published ports.

const TIMEOUT_MS = 10_000;

/** @typedef {{ method?: string, headers?: Record<string, string>, body?: string }} RequestOptions */

/** @param {number} port @param {string} path @param {RequestOptions} [options] */
export function request(port, path, options = {}) {
  return fetch(new URL(path, `http://127.0.0.1:${port}`), {
    ...options,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

/** @param {Promise<Response>} response @returns {Promise<any>} its body */
export async function json(response) {
  return (await response).json();
}

/**
 * The value of a PromQL query; undefined if the result is empty.
 * @param {number} port @param {string} query @returns {Promise<number | undefined>}
 */
export async function queryPrometheus(port, query) {
  const { data } = await json(request(port, `/api/v1/query?${new URLSearchParams({ query })}`));
  const value = data?.result[0]?.value[1];
  return value === undefined ? undefined : Number(value);
}
