// Facts about the packages of package-lock.json, compared with docs/packages.md.

/**
 * @typedef {{ version: string, license?: string, dev?: boolean, link?: boolean, hasInstallScript?: boolean }} LockedPackage
 * @typedef {{ dependencies?: Record<string, string>, devDependencies?: Record<string, string> }} Manifest
 */

/** Licences that allow use in this project without conditions on its own code. */
const PERMISSIVE = new Set([
  ...[
    'MIT',
    'ISC',
    '0BSD',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    'BlueOak-1.0.0',
    'Unlicense',
    'CC0-1.0',
  ],
  ...['Python-2.0', 'PSF-2.0'],
]);
/** For packages used only to build and test: their conditions apply to changes of the package itself, or to its data. */
const FOR_DEVELOPMENT = new Set(['MPL-2.0', 'CC-BY-4.0']);
/** Packages whose manifest states the licence in an old form, which npm does not record. */
const OLD_FORM = new Map([
  ['busboy', 'MIT'],
  ['streamsearch', 'MIT'],
]);
/** Packages with an install script, and why they work without it. */
const INSTALL_SCRIPTS = new Map([
  ['@parcel/watcher', 'compiles on platforms without a binary; Jest uses it only to watch files'],
  ['@scarf/scarf', 'reports the installation; does nothing else'],
  ['@swc/core', 'replaces its binary if it does not run; the binary of the platform is a package of its own'],
  [
    'esbuild',
    'replaces its starter by the binary, to start faster; the binary of the platform is a package of its own',
  ],
]);

/** @param {string} path a key of `packages` in package-lock.json */
const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Third-party packages, by path. @param {Record<string, LockedPackage>} packages @returns {[string, LockedPackage][]} */
export function foreignPackages(packages) {
  return Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);
}

/**
 * Packages whose licence is unknown or has conditions.
 * @param {Record<string, LockedPackage>} packages @returns {string[]} one problem each
 */
export function licenceProblems(packages) {
  return foreignPackages(packages).flatMap(([path, { license, dev }]) => {
    const name = nameOf(path);
    const stated = license ?? OLD_FORM.get(name) ?? licenceOfPlatformBinary(name, packages);
    if (stated === undefined) return [`${name} states no licence`];
    const isAllowed = (/** @type {string} */ one) =>
      PERMISSIVE.has(one) || (dev === true && FOR_DEVELOPMENT.has(one));
    const expression = stated.replace(/^[(]|[)]$/g, '');
    const allowed = expression.includes(' OR ')
      ? expression.split(' OR ').some(isAllowed)
      : expression.split(' AND ').every(isAllowed);
    return allowed
      ? []
      : [`${name} has the licence ${stated}${dev ? '' : ', and is not only for development'}`];
  });
}

/**
 * npm records no licence for binaries of other platforms; they have that of the binaries it has installed.
 * @param {string} name such as `@swc/core-win32-x64-msvc` @param {Record<string, LockedPackage>} packages
 */
function licenceOfPlatformBinary(name, packages) {
  const [, family] = /^(@[^/]+[/].+?)-(?:android|darwin|freebsd|linux|openharmony|win32)-/.exec(name) ?? [];
  if (family === undefined) return undefined;
  const sibling = foreignPackages(packages).find(
    ([path, { license }]) => nameOf(path).startsWith(`${family}-`) && license,
  );
  return sibling?.[1].license;
}

/** Packages with an install script that INSTALL_SCRIPTS does not explain. @param {Record<string, LockedPackage>} packages */
export function scriptProblems(packages) {
  return foreignPackages(packages)
    .filter(([path, { hasInstallScript }]) => hasInstallScript && !INSTALL_SCRIPTS.has(nameOf(path)))
    .map(
      ([path]) =>
        `${nameOf(path)} has an install script; check that it works without, and add it to INSTALL_SCRIPTS`,
    );
}

/** The packages that the manifests name, with the version. @param {Manifest[]} manifests @returns {Map<string, string>} */
export function directPackages(manifests) {
  const named = manifests.flatMap(({ dependencies = {}, devDependencies = {} }) =>
    Object.entries({ ...dependencies, ...devDependencies }),
  );
  return new Map(
    named.filter(([name]) => !name.startsWith('@lamplighter/')).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/**
 * Differences between the manifests and the tables of the page, `| package | reason |`.
 * @param {ReadonlyMap<string, string>} direct @param {string} page
 */
export function pageProblems(direct, page) {
  const rows = [...page.matchAll(/^\| (`[^|]+`) \| ([^|]+) \|$/gm)];
  const listed = rows.flatMap(([, names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  const unpinned = [...direct].filter(([, version]) => !/^\d/.test(version));
  return [
    ...[...direct.keys()]
      .filter((name) => !listed.includes(name))
      .map((name) => `${name} has no reason in docs/packages.md`),
    ...listed
      .filter((name) => !direct.has(name))
      .map((name) => `docs/packages.md lists ${name}, which no manifest names`),
    ...unpinned.map(([name, version]) => `${name} has no exact version: ${version}`),
  ];
}
