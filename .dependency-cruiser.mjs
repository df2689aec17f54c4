// Imports point in one direction: contracts, evaluation, store and device, services. Tools may import all of them; only tests import tools.
// No cycles, neither of files nor of folders.
const only = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: `${from}(?!.*[.]test[.]ts$)` },
  to: { path: '^(packages|services|tools|bench)/', pathNot: to },
});

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    // The root of a service wires its folders, and holds its configuration, metrics and injection tokens.
    {
      name: 'no-cycles-of-folders',
      severity: 'error',
      scope: 'folder',
      from: {
        path: '^(packages/(contracts|device|evaluation|service-kit|store)|services/(api|certificates|console|device-sim|rules)|tools)/',
        pathNot: '^(packages|services|tools)/[^/]+/src$',
      },
      to: { circular: true, viaOnly: { pathNot: '^(packages|services|tools)/[^/]+/src$' } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('contracts-import-nothing', '^packages/contracts/src/', '^packages/contracts/'),
    only('evaluation-imports-contracts', '^packages/evaluation/src/', '^packages/(evaluation|contracts)/'),
    only('store-imports-evaluation', '^packages/store/src/', '^packages/(store|evaluation|contracts)/'),
    only('device-imports-evaluation', '^packages/device/src/', '^packages/(device|evaluation|contracts)/'),
    only('service-kit-imports-nothing', '^packages/service-kit/src/', '^packages/service-kit/'),
    only('certificates-import-nothing', '^services/certificates/src/', '^services/certificates/'),
    only(
      'native-imports-certificates-and-promise-numbers',
      '^tools/native/src/',
      '^(tools/native|services/certificates|packages/service-kit/(src|dist)/promise-numbers)',
    ),
    only(
      'test-kit-imports',
      '^tools/test-kit/src/',
      '^(tools/(test-kit|native)|packages/(contracts|store))/',
    ),
    only(
      'rules-imports',
      '^services/rules/src/',
      '^(services/rules|packages/(contracts|evaluation|store|service-kit))/',
    ),
    only(
      'api-imports',
      '^services/api/src/',
      '^(services/api|packages/(contracts|evaluation|store|service-kit))/',
    ),
    only(
      'device-sim-imports',
      '^services/device-sim/src/',
      '^(services/device-sim|packages/(contracts|device|evaluation|service-kit))/',
    ),
    // It knows the api only through its document.
    only('console-imports-nothing', '^services/console/', '^services/console/'),
    {
      name: 'api-never-talks-to-the-broker',
      severity: 'error',
      from: { path: '^services/api/src/' },
      to: { path: '^(node_modules/)?mqtt' },
    },
    {
      name: 'only-the-store-knows-redis',
      severity: 'error',
      from: {
        path: '^(services|packages/(contracts|evaluation|device|service-kit))/',
        pathNot: '[.]test[.]ts$',
      },
      to: { path: '^(node_modules/)?ioredis' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Tests may import everything, and nothing imports them.
    exclude: { path: '(^|/)dist/|[.]test[.]ts$|/test/|^services/console/generated/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.depcruise.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default', 'types'] },
  },
};
