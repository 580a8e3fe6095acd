/**
 * What the three engines mean when they put the same fault into different words. An error in an engine's own words says little of the bug
 * (`undefined is not an object`), so the place where it was thrown says the rest.
 */

/** A fault that an engine reports by itself. */
export interface EngineFault {
  /** The same word for what V8, SpiderMonkey and JavaScriptCore call differently. */
  kind: string;
  /** Name of the property, method or variable, where this engine tells one that survives minification; else empty. */
  name: string;
  /** False where an author could have written the same words. */
  isSure: boolean;
}

interface Rule {
  kind: string;
  pattern: RegExp;
  isUnsure?: true;
}

/** `(?<name>)` is the name. The first that fits holds. */
const RULES: readonly Rule[] = [
  // Going through what is not there, or is no list: JavaScriptCore says that it is no object.
  {
    kind: "nullish",
    pattern: /is not iterable\b|requires? \.\.\.iterable|is not a function \(near '|^can't access property Symbol\.iterator\b/,
  },
  // Reading, writing and calling of undefined and null: SpiderMonkey does not tell them apart.
  {
    kind: "nullish",
    pattern: /^Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null)(?: \((?:reading|setting) '(?<name>[^']{0,200})'\))?/,
  },
  { kind: "nullish", pattern: /^Cannot (?:read|set) property '(?<name>[^']{0,200})' of (?:undefined|null)/ },
  { kind: "nullish", pattern: /^Cannot destructure property '(?<name>[^']{0,200})' of .{0,400}\b(?:undefined|null)\.?$/ },
  { kind: "nullish", pattern: /^can't access property "(?<name>[^"]{0,200})", .{0,400} is (?:undefined|null)$/ },
  { kind: "nullish", pattern: /^can't access property \S{1,200}, .{0,400} is (?:undefined|null)$/ },
  { kind: "nullish", pattern: /^(?:undefined|null) is not an object \(evaluating '(?<code>[^\n]{0,600})'\)$/ },
  { kind: "nullish", pattern: /^(?:undefined|null) is not an object$|^Right side of assignment cannot be destructured$/ },
  { kind: "nullish", pattern: /^Cannot destructure '.{0,400}' as it is (?:undefined|null)\.?$/ },
  { kind: "nullish", pattern: /^\S.{0,400} is (?:undefined|null)$/, isUnsure: true },
  { kind: "no constructor", pattern: /^(?<code>.{1,400}?) is not a constructor(?: \(evaluating .{0,600}\))?$/ },
  { kind: "no function", pattern: /^(?<code>.{1,400}?) is not a function(?:\. \(In '.{0,600})?$/ },
  { kind: "not defined", pattern: /^(?<name>[\w$]{1,200}) is not defined$/ },
  { kind: "not defined", pattern: /^Can't find variable: (?<name>[\w$]{1,200})$/ },
  {
    kind: "too early",
    pattern: /^Cannot access '[^']{0,200}' before initialization\.?$|^Cannot access uninitialized variable\.?$/,
  },
  { kind: "too early", pattern: /^can't access lexical declaration '[^']{0,200}' before initialization$/ },
  {
    kind: "read-only",
    pattern: /^Assignment to constant variable\.$|^invalid assignment to const\b|^Attempted to assign to readonly property\.?$/,
  },
  {
    kind: "read-only",
    pattern:
      /^Cannot assign to read only property '.{0,200}' of |^"?.{1,200}"? is read-only$|which has only a getter$|^setting getter-only property/,
  },
  { kind: "not extensible", pattern: /object is not extensible\.?$|on object that is not extensible\.?$/i },
  { kind: "not deletable", pattern: /^Cannot delete property |can't be deleted$|^Unable to delete property\.?$/ },
  { kind: "recursion", pattern: /^Maximum call stack size exceeded\.?$|^too much recursion$/ },
  {
    kind: "cyclic",
    pattern:
      /^Converting circular structure to JSON|^cyclic object value$|^JSON\.stringify cannot serialize cyclic structures\.?$/,
  },
  {
    kind: "json",
    pattern: /^JSON\.parse: |^JSON Parse error: |is not valid JSON$|^Unexpected end of JSON input$|\bin JSON at position \d+/,
  },
  {
    kind: "import",
    pattern:
      /^Failed to fetch dynamically imported module\b|^error loading dynamically imported module\b|^Importing a module script failed/,
  },
  {
    kind: "fetch",
    pattern: /^Failed to fetch$|^NetworkError when attempting to fetch resource\.?$|^Load failed(?: \([\w.:-]{1,200}\))?$/,
    isUnsure: true,
  },
];

/** Types that engines throw by themselves. */
const ENGINE_TYPES = new Set([
  "TypeError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "URIError",
  "EvalError",
  "InternalError",
]);
/** Names of DOMException; the words that come with them differ from browser to browser. */
const DOM_TYPES = new Set(
  "NotFound,HierarchyRequest,InvalidCharacter,InvalidState,InvalidNode,InvalidNodeType,InvalidModification,InvalidAccess,NotSupported,InUseAttribute,DataClone,QuotaExceeded,Security,Network,Namespace,WrongDocument,NotAllowed,IndexSize,Encoding,Operation,NotReadable,Constraint,Data,TransactionInactive,ReadOnly,Version"
    .split(",")
    .map((name) => `${name}Error`),
);

/** What an engine means by an error; null for one that an author wrote. */
export function readEngineFault(type: string, value: string): EngineFault | null {
  const words = value.slice(0, 1_024).trim();
  const isEngines = ENGINE_TYPES.has(type);
  if (isEngines) {
    for (const { kind, pattern, isUnsure } of RULES) {
      const groups = pattern.exec(words);
      if (groups) return { kind, name: nameOf(groups.groups), isSure: isUnsure !== true };
    }
    return { kind: type === "InternalError" ? "RangeError" : type, name: "", isSure: false };
  }
  return DOM_TYPES.has(type) || type === "DOMException" ? { kind: type, name: "", isSure: false } : null;
}

function nameOf(groups: Record<string, string> | undefined): string {
  const { name, code } = groups ?? {};
  // Symbols are told by one engine only, and the index of a list is another one each time.
  if (name !== undefined) return /^Symbol\(|^\d+$/.test(name) ? "" : name;
  return code === undefined ? "" : lastProperty(code);
}

/** `total` of `a.cart.total`, of `(0,i.total)` and of `a.cart.total = 1`; empty where the last thing is no property with a name. */
function lastProperty(code: string): string {
  const target = code
    .replace(/\s*=(?![=>]).*$/, "")
    .replace(/^new\s+/, "")
    .replace(/\((?:[^()]|\([^()]*\))*\)$/, (call) => (/^\(0\s*,/.test(call) ? call : ""))
    .replace(/\)$/, "");
  return /(?:\.|\?\.)\s*#?([\w$]+)$/.exec(target)?.[1] ?? "";
}
