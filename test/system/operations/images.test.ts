import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { pinImages } from '../../../scripts/images/pin.mjs';

const compose = readFileSync('docker-compose.yml', 'utf8');
const dockerfile = readFileSync('Dockerfile', 'utf8');
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const withoutDigests = (text: string) => text.replaceAll(/@sha256:[0-9a-f]{64}/g, '');

describe('npm run pin:images', () => {
  it('finds every image of other projects, and asks for each once', () => {
    const asked: string[] = [];
    const ask = (image: string) => {
      asked.push(image);
      return digest('a');
    };
    pinImages(compose, ask);
    pinImages(dockerfile, ask);
    const named = [...withoutDigests(`${compose}${dockerfile}`).matchAll(/^(?: +image:|FROM) (\S+)/gm)];
    expect(asked).toEqual([...new Set(named.map(([, image]) => image))]);
    expect(asked.length).toBeGreaterThanOrEqual(6);
  });

  it('adds the digest to the version and changes nothing else', () => {
    for (const text of [compose, dockerfile]) {
      const pinned = pinImages(text, () => digest('b')).text;
      expect(pinned).not.toBe(text);
      expect(withoutDigests(pinned)).toBe(withoutDigests(text));
      expect(pinned).not.toMatch(/^( +image:|FROM) [^@\n]*$/m);
    }
  });

  it('replaces an earlier digest', () => {
    const pinned = pinImages(compose, () => digest('b')).text;
    expect(pinImages(pinned, () => digest('c')).text).toBe(pinned.replaceAll(digest('b'), digest('c')));
  });

  it('refuses a reply that is not a digest', () => {
    expect(() => pinImages(compose, () => 'latest')).toThrow('the registry returned no digest for');
  });

  it('reports images without a digest when it only checks', () => {
    const { text, images } = pinImages(withoutDigests(compose));
    expect(text).toBe(withoutDigests(compose));
    expect(images.every((image) => image.digest === undefined)).toBe(true);
  });
});
