/**
 * rrweb rewrites the style sheets of every snapshot (`:hover` as a class), which for 200 KB of CSS takes over a second, and remembers the
 * result within one Replayer. Every scene has a Replayer of its own, but the style sheets of a site hardly ever change: scenes share what
 * was rewritten.
 */

/** Characters of style sheets (before and after) that are remembered; at the limit everything is forgotten. */
export const MAX_STYLE_CHARACTERS = 24_000_000;

/** A longer sheet is left as it is, and so is every further one when one scene has had this much rewritten: it takes seconds. */
const MAX_REWRITTEN = 1_000_000;
/** rrweb's rewriting goes down into nested rules by calling itself. */
const MAX_NESTING = 60;

/** A map in the shape of the Replayer's own that does not grow without bound. */
class BoundedStyles extends Map<string, string> {
  private characters = 0;
  private budget = MAX_REWRITTEN;

  /** A new scene may have as much rewritten as the one before. */
  renew(): void {
    this.budget = MAX_REWRITTEN;
  }

  override get(css: string): string | undefined {
    const known = super.get(css);
    if (known !== undefined) return known;
    if (css.length > this.budget || isNestedDeeply(css)) return css;
    this.budget -= css.length;
    return undefined;
  }

  override set(css: string, rewritten: string): this {
    if (this.has(css)) return this;
    const more = css.length + rewritten.length;
    if (this.characters + more > MAX_STYLE_CHARACTERS) this.clear();
    this.characters += more;
    return super.set(css, rewritten);
  }

  override clear(): void {
    this.characters = 0;
    super.clear();
  }
}

const shared = { stylesWithHoverClass: new BoundedStyles() };

/** Gives a Replayer the shared memory; where rrweb has changed inside, it keeps its own and is only slower. */
export function shareStyles(replayer: object): void {
  shared.stylesWithHoverClass.renew();
  const own: unknown = Reflect.get(replayer, "cache");
  const isKnown = typeof own === "object" && own !== null && "stylesWithHoverClass" in own;
  if (isKnown && own.stylesWithHoverClass instanceof Map) Reflect.set(replayer, "cache", shared);
}

function isNestedDeeply(css: string): boolean {
  let depth = 0;
  for (const [brace] of css.matchAll(/[{}]/g)) {
    depth += brace === "{" ? 1 : -1;
    if (depth > MAX_NESTING) return true;
  }
  return false;
}
