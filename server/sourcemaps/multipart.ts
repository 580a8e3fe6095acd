/** Reads `multipart/form-data` (RFC 7578) that is whole in memory. */

/** One part. */
export interface Part {
  name: string;
  fileName: string;
  body: Uint8Array;
}

const MAX_HEAD_BYTES = 4_096;

/** The boundary that a `Content-Type` names; null where it is no multipart. */
export function boundaryOf(contentType: string | undefined): string | null {
  if (!/^multipart\/form-data\s*;/i.test(contentType ?? "")) return null;
  const found = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? "");
  return found?.[1] ?? found?.[2] ?? null;
}

/** The parts of a body; null for one that is not what its boundary says, or has more than `maxParts`. */
export function readMultipart(body: Uint8Array, boundary: string, maxParts: number): Part[] | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const mark = Buffer.from(`--${boundary}`, "latin1");
  const next = Buffer.from(`\r\n--${boundary}`, "latin1");
  const parts: Part[] = [];
  let at = bytes.indexOf(mark);
  if (at < 0) return null;
  at += mark.length;
  for (;;) {
    if (bytes.toString("latin1", at, at + 2) === "--") return parts;
    const headEnd = bytes.indexOf("\r\n\r\n", at, "latin1");
    if (headEnd < 0 || headEnd - at > MAX_HEAD_BYTES || parts.length >= maxParts) return null;
    const end = bytes.indexOf(next, headEnd + 2);
    if (end < 0) return null;
    const head = bytes.toString("utf8", at, headEnd);
    const start = headEnd + 4;
    parts.push({ name: word(head, "name"), fileName: word(head, "filename"), body: bytes.subarray(Math.min(start, end), end) });
    at = end + next.length;
  }
}

/** A parameter of `Content-Disposition`. */
function word(head: string, name: string): string {
  return new RegExp(`^content-disposition:[^\\r\\n]{0,1000};\\s{0,10}${name}="([^"\\r\\n]{0,500})"`, "im").exec(head)?.[1] ?? "";
}
