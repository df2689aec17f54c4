// Images of other projects in docker-compose.yml and Dockerfile, and their digests.

const IMAGE = /^( +image: +|FROM +)([^\s@]+:[^\s@]+)(@sha256:[0-9a-f]{64})?(?=\s|$)/gm;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Adds the digest to the version of each image; one that has a digest gets the current digest of its version.
 * @param {string} text of docker-compose.yml or a Dockerfile
 * @param {(image: string) => string} [digestOf] asks the registry, once for each image; without it, nothing is changed
 * @returns {{ text: string, images: { image: string, digest: string | undefined }[] }}
 * @throws if the registry does not return a digest
 */
export function pinImages(text, digestOf) {
  /** @type {Map<string, string | undefined>} */
  const digests = new Map();
  const pinned = text.replace(IMAGE, (line, before, image, present) => {
    if (!digests.has(image))
      digests.set(image, digestOf ? expectDigest(image, digestOf(image)) : present?.slice(1));
    return digestOf ? `${before}${image}@${digests.get(image)}` : line;
  });
  return { text: pinned, images: [...digests].map(([image, digest]) => ({ image, digest })) };
}

/** @param {string} image @param {string} digest */
function expectDigest(image, digest) {
  if (!DIGEST.test(digest)) throw new Error(`the registry returned no digest for ${image}: "${digest}"`);
  return digest;
}
