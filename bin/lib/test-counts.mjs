/** From vitest's JSON report to the three numbers of the last line. */

/**
 * A file that could not even be loaded counts as one failed test, and so does a run that ended badly without any failed test
 * (an unhandled error, a crash): the line never says `0 failed` where the exit code says otherwise.
 * @param {{ testResults: { status: string, assertionResults?: { status: string }[] }[] } | null} report vitest's JSON report, or null where
 *   it wrote none
 * @param {number} status exit code of vitest
 */
export function countTests(report, status) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report?.testResults ?? []) {
    const tests = file.assertionResults ?? [];
    for (const test of tests) {
      if (test.status === "passed") counts.passed++;
      else if (test.status === "failed") counts.failed++;
      else counts.skipped++;
    }
    if (file.status === "failed" && !tests.some((test) => test.status === "failed")) counts.failed++;
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}
