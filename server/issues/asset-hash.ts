/** Content hashes in the names of built files: `main.3f2a1b9c.js`, `index-BqK3x9Zd.js`. They change with every build and name no bug. */

const ASSET =
  /[\w.~-]{1,200}\.(?:js|mjs|cjs|css|wasm|json|html|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|otf|mp3|mp4|webm)(?:\.map)?(?![\w-])/gi;
const HEX = /^(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{6,64}$/i;
/** Vite and Rollup put eight characters of base64url behind a dash. */
const TAIL_LENGTH = 8;

/**
 * Puts `<hash>` in the place of content hashes; names of words stay as they are.
 * @returns the text, and how many there were
 */
export function maskAssetHashes(text: string): { text: string; count: number } {
  let count = 0;
  const masked = text.replaceAll(ASSET, (name) => {
    const parts = name.split(".");
    const ends = parts.at(-1)?.toLowerCase() === "map" ? 2 : 1;
    return parts
      .map((part, index) => {
        if (index >= parts.length - ends) return part;
        const short = withoutHash(part, index > 0);
        if (short !== part) count++;
        return short;
      })
      .join(".");
  });
  return { text: masked, count };
}

/** Whether a name is letters and digits that no word has. */
export function looksHashed(text: string): boolean {
  if (HEX.test(text)) return true;
  if (!/[A-Za-z]/.test(text)) return false;
  const hasDigitInside = /\d[A-Za-z_-]/.test(text) && /[A-Za-z]/.test(text);
  const isMixed = /[a-z]/.test(text) && /[A-Z]/.test(text);
  if (hasDigitInside) return isMixed || (text.match(/\d[A-Za-z]|[A-Za-z]\d/g) ?? []).length >= 2;
  if (isMixed && /[A-Za-z]\d$/.test(text)) return !/^[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})*\d+$/.test(text);
  return isMixed && isUnspoken(text);
}

function withoutHash(part: string, isWhole: boolean): string {
  if (isWhole && ((part.length >= TAIL_LENGTH && part.length <= 64 && looksHashed(part)) || HEX.test(part))) return "<hash>";
  if (/^[0-9a-f]{16,64}$/i.test(part) && HEX.test(part)) return "<hash>";
  const byDash = /^(.+[-_~])([0-9a-f]{6,64})$/i.exec(part);
  if (byDash?.[1] && byDash[2] && HEX.test(byDash[2])) return `${byDash[1]}<hash>`;
  const tail = part.slice(-TAIL_LENGTH);
  const head = part.slice(0, -TAIL_LENGTH);
  return head.length > 1 && head.endsWith("-") && /^[\w-]+$/.test(tail) && looksHashed(tail) ? `${head}<hash>` : part;
}

/** Capitals where no words begin, or words that nobody can speak. */
function isUnspoken(text: string): boolean {
  const words = text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  if (words.length >= 3 && letters / words.length < 2.7) return true;
  return words.some((word) => /^[A-Z]?[a-z]{3,}$/.test(word) && !/[aeiouy]/i.test(word));
}
