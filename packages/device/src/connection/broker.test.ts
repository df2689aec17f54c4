import { parseBrokerUrl } from './broker.js';

describe('parseBrokerUrl', () => {
  it.each([
    [
      'mqtt://demo:secret@127.0.0.1:2883',
      { host: '127.0.0.1', port: 2883, username: 'demo', password: 'secret' },
    ],
    ['mqtt://localhost', { host: 'localhost', port: 1883 }],
    ['mqtt://demo@[::1]', { host: '::1', port: 1883, username: 'demo' }],
    ['mqtt://a%40b:p%2Fw%3A@host', { host: 'host', port: 1883, username: 'a@b', password: 'p/w:' }],
    ['mqtts://host', { host: 'host', port: 8883, tls: {} }],
  ])('parses %s', (text, broker) => {
    expect(parseBrokerUrl(text)).toEqual(broker);
  });

  it('passes TLS options on', () => {
    expect(parseBrokerUrl('mqtts://host', { ca: 'PEM' }).tls).toEqual({ ca: 'PEM' });
  });

  it.each(['', 'host:1883', 'http://host', 'mqtt://', 'mqtt://demo:secret@'])('rejects "%s"', (text) => {
    expect(() => parseBrokerUrl(text)).toThrow(/must look like mqtt:/);
  });

  it('explains how to write a percent sign', () => {
    expect(() => parseBrokerUrl('mqtt://demo:100%@host')).toThrow(/%25/);
  });

  it('does not show the password in its error', () => {
    expect(() => parseBrokerUrl('mqqt://demo:secret@host')).toThrow(expect.not.stringContaining('secret'));
  });
});
