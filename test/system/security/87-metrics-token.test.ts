import { startStandaloneApi } from '../standalone-api.js';

const TOKEN = 'k7Qp2ZxW9rTb4LsVd';

it('the metrics of the api need the token if one is set, and no API key opens them', async () => {
  const { api, key } = await startStandaloneApi({ env: { METRICS_TOKEN: TOKEN } });
  const status = async (authorization?: string) => {
    const headers = { connection: 'close', ...(authorization !== undefined && { authorization }) };
    return (await fetch(`${api.url}/metrics`, { headers })).status;
  };
  expect(await status()).toBe(401);
  expect(await status(`Bearer ${key}`)).toBe(401);
  expect(await status(`Bearer ${TOKEN.slice(1)}`)).toBe(401);
  expect(await status(`Bearer ${TOKEN}`)).toBe(200);
});
