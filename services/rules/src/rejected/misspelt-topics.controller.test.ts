import type { InputFault } from '@lamplighter/contracts/telemetry/input-fault';
import type { MqttMessage } from '../mqtt/messages.js';
import { MisspeltTopicsController } from './misspelt-topics.controller.js';
import type { RejectedService } from './rejected.service.js';

const message = (topic: string, text: string, delivery: MqttMessage['delivery'] = 'live') =>
  ({ topic, payload: Buffer.from(text), delivery }) as MqttMessage;

it('reports messages on misspelt topics, except retained and empty ones', () => {
  const problems: (string | undefined)[] = [];
  const reject = (_kind: string, _reason: string, _message: unknown, explain: () => InputFault | undefined) =>
    problems.push(explain()?.problem);
  new MisspeltTopicsController({ reject } as unknown as RejectedService).report([
    message('demo/telemtry/lamp', '{"light":1}'),
    message('demo/telemtry/lamp', '{"light":1}', 'retained'),
    message('demo/telemtry/lamp', ''),
  ]);
  expect(problems).toEqual([expect.stringContaining('demo/telemetry/lamp')]);
});
