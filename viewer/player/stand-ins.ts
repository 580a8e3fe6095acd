/**
 * What is not in a recording says so in its place; without a background of its own, because a canvas may lie over the whole page.
 * The names are those that `clean-node.ts` gives to what it boxes.
 */
const PLACEHOLDERS = [
  ["canvas:not([rr_dataURL])", "A drawing (canvas) is not recorded"],
  ["video", "A film is not recorded"],
  ["wb-box", "Embedded content is not recorded"],
].map(([selector = "", words = ""]) => {
  const text = `<text x='50%' y='50%' text-anchor='middle' dominant-baseline='middle' font-family='sans-serif' font-size='13' fill='%23667085' stroke='white' stroke-width='3' paint-order='stroke'>${words}</text>`;
  const image = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='100%25' height='100%25'>${text}</svg>`;
  return `${selector} { background: url("${image}") center / 100% 100% no-repeat; outline: 1px dashed #98a2b3; outline-offset: -1px; }`;
});
const BOXES = "wb-box { display: inline-block; min-width: 24px; min-height: 24px; } wb-base { display: none; }";

/** Rules for the style sheet of a replayed page. */
export const STAND_IN_RULES = [...PLACEHOLDERS, ...BOXES.split(/(?<=\}) /)];
