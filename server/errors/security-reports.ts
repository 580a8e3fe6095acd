/** Reports of a content security policy, one by one: a browser sends one (`report-uri`) or a list (Reporting API). */

import { AppError } from "../app-error.ts";
import { jsonDepth } from "./json-scan.ts";

/** Most bytes of all reports of a request. */
export const MAX_REPORTS_BYTES = 1024 * 1024;
const MAX_REPORTS = 100;
const MAX_REPORT_BYTES = 64 * 1024;
const MAX_DEPTH = 16;
const OPEN_BRACKET = 0x5b;

/**
 * Each report as JSON of its own; `malformed` counts what is none or is too large.
 * @throws AppError `protocol` for what is no JSON at all, `too_large`
 */
export function readSecurityReports(body: Uint8Array): { reports: Uint8Array[]; malformed: number } {
  if (body.length > MAX_REPORTS_BYTES) throw new AppError("too_large", `reports are larger than ${MAX_REPORTS_BYTES} bytes`);
  if (jsonDepth(body, MAX_DEPTH) > MAX_DEPTH) throw new AppError("protocol", "the report is nested too deep");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new AppError("protocol", "the report is not JSON");
  }
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  const reports = given
    .slice(0, MAX_REPORTS)
    .filter((one) => typeof one === "object" && one !== null && !Array.isArray(one))
    .map((one) => new Uint8Array(Buffer.from(JSON.stringify(one))))
    .filter((one) => one[0] !== OPEN_BRACKET && one.length <= MAX_REPORT_BYTES);
  return { reports, malformed: given.length - reports.length };
}
