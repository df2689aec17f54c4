// Imports point one way: contracts, then evaluation, then store and device, then services. No cycles.
const only = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^(packages|services|bench)/', pathNot: to },
});

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('contracts-import-nothing', '^packages/contracts/', '^packages/contracts/'),
    only(
      'evaluation-imports-contracts',
      '^packages/evaluation/src/(?!.*[.]test[.]ts$)',
      '^packages/(evaluation|contracts)/',
    ),
    only(
      'store-imports-contracts',
      '^packages/store/src/(?!.*[.]test[.]ts$)',
      '^packages/(store|contracts)/',
    ),
    only(
      'device-imports-contracts',
      '^packages/device/src/(?!.*[.]test[.]ts$)',
      '^packages/(device|evaluation|contracts)/',
    ),
    only('service-kit-imports-nothing', '^packages/service-kit/', '^packages/service-kit/'),
    only('native-imports-nothing', '^packages/native/', '^packages/native/'),
    only('test-kit-imports-native', '^packages/test-kit/', '^packages/(test-kit|native|contracts)/'),
    only(
      'rules-imports',
      '^services/rules/src/(?!.*[.]test[.]ts$)',
      '^(services/rules|packages/(contracts|evaluation|store|service-kit))/',
    ),
    only(
      'api-imports',
      '^services/api/src/(?!.*[.]test[.]ts$)',
      '^(services/api|packages/(contracts|evaluation|store|service-kit))/',
    ),
    only(
      'device-sim-imports',
      '^services/device-sim/src/(?!.*[.]test[.]ts$)',
      '^(services/device-sim|packages/(contracts|device|evaluation|service-kit))/',
    ),
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
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.depcruise.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default', 'types'] },
  },
};
