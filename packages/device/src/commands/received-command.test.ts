import { commandPayload } from '@lamplighter/contracts/commands/command';
import fc from 'fast-check';
import { parseCommand } from './received-command.js';

const envelope = { id: 'c1', lane: 'led_on', seq: 1, attempt: 1, expiresAt: 1_800_000_000_000 };
const parse = (text: string) => parseCommand(Buffer.from(text));

describe('parseCommand', () => {
  it('reads the action and the envelope', () => {
    const payload = commandPayload('{"led_on":true}', envelope);
    expect(parse(payload)).toEqual({ action: { led_on: true }, envelope });
  });

  it('accepts a bare command', () => {
    expect(parse('{"led_on":false}')).toEqual({ action: { led_on: false } });
  });

  it('removes reserved keys', () => {
    const command = parse('{"led_on":true,"_later":1,"__proto__":{"polluted":true}}');
    expect(command).toEqual({ action: { led_on: true } });
    expect(Reflect.get(command?.action ?? {}, 'polluted')).toBeUndefined();
  });

  it.each([
    ['a text that is not JSON', 'led_on'],
    ['an array', '[{"led_on":true}]'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['only an envelope', JSON.stringify({ _cmd: envelope })],
    ['an envelope that is a number', '{"led_on":true,"_cmd":7}'],
    ['an envelope without an id', JSON.stringify({ led_on: true, _cmd: { ...envelope, id: '' } })],
    [
      'an envelope with an invalid expiry',
      JSON.stringify({ led_on: true, _cmd: { ...envelope, expiresAt: '1' } }),
    ],
  ])('rejects %s', (_what, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from)), (bytes) => {
        parseCommand(Buffer.from(bytes));
      }),
    );
    expect(parseCommand(Buffer.from([0x7b, 0xff, 0x7d]))).toBeUndefined();
  });
});
