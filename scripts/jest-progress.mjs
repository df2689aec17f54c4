// A Jest reporter for npm test: prints how many files are done, in addition to Jest's own line per file.
const EVERY_MS = 10_000;

export default class Progress {
  #started = Date.now();
  #shown = Date.now();

  /**
   * @param {unknown} _test @param {unknown} _result
   * @param {{ numTotalTestSuites: number, numPassedTestSuites: number, numFailedTestSuites: number, numPendingTestSuites: number }} all
   */
  onTestResult(_test, _result, all) {
    if (Date.now() - this.#shown < EVERY_MS) return;
    this.#shown = Date.now();
    const done = all.numPassedTestSuites + all.numFailedTestSuites + all.numPendingTestSuites;
    const seconds = Math.round((Date.now() - this.#started) / 1000);
    console.error(`   ${done} of ${all.numTotalTestSuites} files after ${seconds} s`);
  }
}
