/** What keeps somebody from reading or using a page: names that are missing, text too faint, content wider than the screen. */

import type { Page } from "playwright-core";

/** WCAG 2.2, 1.4.3: of text, and of large text. */
const LEAST_CONTRAST = { text: 4.5, large: 3 };

/** Runs in a page, and uses nothing from outside of itself. */
function findFaults(least: typeof LEAST_CONTRAST): string[] {
  type Color = [red: number, green: number, blue: number, alpha: number];
  const faults = new Set<string>();
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

  function readColor(text: string): Color {
    if (!canvas) return [0, 0, 0, 0];
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }
  function over([red, green, blue, alpha]: Color, below: Color): Color {
    const mix = (one: number, other: number) => one * alpha + other * (1 - alpha);
    return [mix(red, below[0]), mix(green, below[1]), mix(blue, below[2]), 1];
  }
  function ancestors(element: Element): Element[] {
    const all: Element[] = [];
    for (let one: Element | null = element; one; one = one.parentElement) all.push(one);
    return all;
  }
  function backgroundOf(element: Element): Color {
    const colors = ancestors(element).map((one) => readColor(getComputedStyle(one).backgroundColor));
    return colors.reduceRight((below, color) => over(color, below), [255, 255, 255, 1] as Color);
  }
  function brightness([red, green, blue]: Color): number {
    const part = (value: number) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  }
  function contrastOf(element: Element): number {
    const opacity = ancestors(element).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1);
    const [red, green, blue, alpha] = readColor(getComputedStyle(element).color);
    const background = backgroundOf(element);
    const pair = [brightness(over([red, green, blue, alpha * opacity], background)), brightness(background)];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  }
  function nameOf(element: Element): string {
    const labelled = document.getElementById(element.getAttribute("aria-labelledby")?.split(" ")[0] ?? "");
    const labels = "labels" in element && element.labels instanceof NodeList ? [...element.labels] : [];
    const texts = [labelled, ...labels, element].map((one) => one?.textContent ?? "");
    const said = ["aria-label", "title"].map((name) => element.getAttribute(name) ?? "");
    return [...said, ...texts].join("").trim();
  }
  const isSeen = (element: Element) =>
    element.getBoundingClientRect().width > 1 && getComputedStyle(element).visibility !== "hidden";

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = (node.nodeValue ?? "").trim();
    const element = node.parentElement;
    if (text === "" || !element || !isSeen(element) || element.closest(":disabled, [aria-disabled=true], script, style"))
      continue;
    const { fontSize, fontWeight } = getComputedStyle(element);
    const isLarge = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700);
    const contrast = contrastOf(element);
    if (contrast < (isLarge ? least.large : least.text)) faults.add(`contrast ${contrast.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  for (const element of document.querySelectorAll(
    "button, a[href], input, select, textarea, summary, [role=switch], [role=slider]",
  ))
    if (isSeen(element) && !element.closest("[aria-hidden=true]") && nameOf(element) === "")
      faults.add(`no name: ${element.outerHTML.slice(0, 100)}`);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of ids.filter((one, index) => ids.indexOf(one) !== index)) faults.add(`twice: #${id}`);
  for (const tag of ["main", "h1"])
    if ([...document.querySelectorAll(tag)].filter((one) => one.checkVisibility()).length !== 1) faults.add(`not one ${tag}`);
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.add(`${scrollWidth - clientWidth} px wider than the screen`);
  return [...faults];
}

/** The source of `findFaults`, for a browser. tsx wraps inner functions into a helper of its own, which a page has not. */
const FIND = `((least) => { const __name = (inner) => inner; return (${findFaults.toString()})(least); })`;

/** Colours that are on their way say nothing; what goes round for ever is not waited for. */
const SETTLED = `Promise.all(document.getAnimations()
  .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity).map((one) => one.finished.catch(() => null))).then(() => true)`;

/** What is wrong with a page as it is now, a line each; empty where nothing is. */
export async function pageFaults(page: Page): Promise<string[]> {
  await page.evaluate(SETTLED);
  return page.evaluate<string[]>(`${FIND}(${JSON.stringify(LEAST_CONTRAST)})`);
}
