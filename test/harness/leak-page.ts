/**
 * A page full of known secrets, each of them once in the whole page, for the proof that masking holds. A secret knows where it stands and of
 * what kind it is, so that a test can say which may leave under which rules.
 */

/**
 * - `always`: passwords, card fields, one-time codes: never sent
 * - `typed`: what a visitor types
 * - `email`, `number`, `token`: what the default mode calls sensitive
 * - `text`: plain words of the page
 * - `masked`, `blocked`: marked so by the page
 * - `unmasked`: marked as harmless by the page
 * - `machine`: comments, scripts, `noscript`, templates, canvases: drawn by nobody, never sent
 * - `given`: what the site itself hands to `mark` and `identify`
 */
export type SecretKind =
  "always" | "typed" | "email" | "number" | "token" | "text" | "masked" | "blocked" | "unmasked" | "machine" | "given";

export interface Secret {
  place: string;
  kind: SecretKind;
  value: string;
}

/** The page, and what must happen in it while it is recorded. */
export interface LeakPage {
  secrets: Secret[];
  body: string;
  head: string;
  /** Query and fragment of its address. */
  search: string;
  /** Address of the page before it, with secrets of its own. */
  referrerSearch: string;
  /** Runs in the page, once it is recorded. */
  script: string;
  /** What is typed by keyboard, by selector. */
  typing: [selector: string, text: string][];
}

const PAGE_KINDS = ["email", "card", "phone", "token", "text"] as const;

/** Makes the page; the same secrets each time. */
export function createLeakPage(): LeakPage {
  const secrets: Secret[] = [];
  let count = 0;

  function put(place: string, kind: SecretKind, value: string): string {
    secrets.push({ place, kind, value });
    return value;
  }

  /** A fresh secret of a class, noted. */
  function make(place: string, what: (typeof PAGE_KINDS)[number] | "secretWord", kind?: SecretKind): string {
    const n = ++count;
    const letters = lettersOf(n);
    switch (what) {
      case "email":
        return put(place, kind ?? "email", `mel.${letters}+x@can${n}ary.example`);
      case "card":
        return put(place, kind ?? "number", cardOf(n));
      case "phone":
        return put(place, kind ?? "number", `+49 15${1 + (n % 9)} ${String(10_000_000 + n * 7_919).slice(0, 8)}`);
      case "token":
        return put(place, kind ?? "token", `sk_live_${letters}9Q${n}kx7Zp${letters}4Tm2`);
      case "text":
        return put(place, kind ?? "text", `Zeb${letters}quince`);
      case "secretWord":
        return put(place, kind ?? "token", `hush${letters}word`);
    }
  }

  const all = (place: string, kind?: SecretKind): string => PAGE_KINDS.map((what) => make(place, what, kind)).join(" , ");
  const address = (place: string): string =>
    PAGE_KINDS.map((what, index) => `p${index}=${encodeURIComponent(make(place, what))}`).join("&") +
    `&access_token=${make(place, "secretWord")}`;
  const path = (place: string): string =>
    (["email", "card", "token"] as const).map((what) => encodeURIComponent(make(place, what))).join("/");

  const head = `
    <title>${all("title")}</title>
    <meta name="description" content="${all("meta content")}">
    <meta name="csrf-token" content="${make("meta csrf", "token")}">
    <link rel="canonical" href="/c?${address("link href")}">
    <style>/* ${all("style comment", "machine")} */
      .quoted::before { content: "${all("css content")}"; }
      .pic { background: url("/bg.png?${address("css url")}"); --who: "${all("css custom property")}"; }</style>
    <script type="application/json" id="json">{"who":"${all("script text", "machine")}"}</script>`;

  const types = ["text", "email", "tel", "search", "url", "hidden"];
  const fixed: [string, string, string][] = [
    ["number", "918273", ""],
    ["range", "645312", "min=0 max=1000000"],
    ["date", "1987-03-14", ""],
    ["time", "13:37", ""],
    ["month", "1973-09", ""],
    ["week", "1969-W29", ""],
    ["datetime-local", "1981-02-03T04:05", ""],
    ["color", "#a1b2c3", ""],
  ];
  const always = [
    "type=password",
    "autocomplete=cc-number",
    "autocomplete=cc-csc",
    "autocomplete=cc-name",
    "autocomplete=one-time-code",
  ];
  const fields = [
    ...types.map(
      (type) =>
        `<input type=${type} value="${make(`input ${type}`, type === "url" || type === "text" ? "text" : "email", "typed")}">`,
    ),
    ...fixed.map(([type, value, more]) => `<input type=${type} ${more} value="${put(`input ${type}`, "typed", value)}">`),
    ...always.map((what) => `<input ${what} value="${make(what, "text", "always")}">`),
    `<input id=toggled type=password value="${make("password shown later", "text", "always")}">`,
    `<input id=keyed><input id=keyedpass type=password><textarea id=keyedarea></textarea><div id=keyededit contenteditable></div>`,
    `<textarea>${make("textarea", "text", "typed")}</textarea>`,
    `<div contenteditable>${make("contenteditable", "text", "typed")} <b>${make("contenteditable, inner", "text", "typed")}</b></div>`,
    `<input type=file id=file>`,
    `<input id=scripted>`,
    `<input class=ignored id=ignored>`,
  ];

  const body = `
    <p id=plain>${all("text")}</p><a href="/x/${path("a href path")}?${address("a href")}#${encodeURIComponent(make("a href hash", "email"))}">link</a>
    <a href="https://${make("user of an address", "secretWord")}:${make("password of an address", "secretWord")}@host.example/">in</a>
    <a href="mailto:${make("mailto", "email")}">write</a><a href="tel:${make("tel", "phone")}">call</a>
    <a href="/go?next=${encodeURIComponent(`/in?token=${make("nested address", "secretWord")}`)}">next</a>
    <a href="/m?to=${encodeURIComponent(encodeURIComponent(make("twice encoded", "email")))}">twice</a>
    <img alt="${all("alt")}" title="${all("title attribute")}" src="/i/${encodeURIComponent(make("img src path", "email"))}/${make("img src path", "token")}.png?${address("img src")}" srcset="/s.png?${address("srcset")} 2x">
    <form action="/f?${address("form action")}"><button formaction="/g?${address("formaction")}" aria-label="${all("aria-label")}">${all("button")}</button></form>
    <div placeholder="${all("placeholder")}" aria-description="${all("aria-description")}" data-user="${all("data attribute")}" user-info="${all("attribute of its own")}" data-token="${make("data-token", "secretWord")}"></div>
    <div id="u-${make("id", "email")}" class="c-${make("class", "email")} quoted pic" style="background:url('/y?${address("inline style")}')">styled</div>
    <input type=submit value="${all("submit")}"><input type=checkbox value="${all("checkbox value")}"><input type=radio value="${all("radio value")}">
    <select><option value="${all("option value")}" label="${all("option label")}">${all("option")}</option></select>
    <datalist><option value="${all("datalist")}"></option></datalist><details><summary>${all("summary")}</summary></details>
    <object data="/o?${address("object data")}"></object><video poster="/v?${address("poster")}"></video>
    <iframe src="http://127.0.0.1:9/?${address("src of a foreign frame")}"></iframe>
    <svg><title>${all("svg title")}</title><text x=1 y=1>${all("svg text")}</text><a href="/z?${address("svg href")}"><path d="M0 0"/></a></svg>
    <!-- ${all("comment", "machine")} --><noscript><p>${all("noscript", "machine")}</p></noscript><template><p>${all("template", "machine")}</p></template>
    <table><tr><td>${make("cell", "card")}</td><td>${make("cell", "phone")}</td></tr></table>
    <p>${spelledNumbers()}</p><p>${spelledAddresses()}</p><p>${spelledTokens()}</p><p>${splitSecrets()}</p>
    <p id=changed>to be changed</p><p id=named>to be named</p><div id=host></div><canvas id=canvas></canvas>
    <iframe id=frame srcdoc="<p>${all("srcdoc")}</p><input value='${make("input in a frame", "text", "typed")}'>"></iframe>
    <div class=wb-mask title="${make("title of what is masked", "text", "masked")}">${all("wb-mask", "masked")}<span class=wb-unmask>${all("wb-unmask", "unmasked")}</span></div>
    <div class=private>${all("maskTextSelector", "masked")}</div><div class=public>${all("unmaskSelector", "unmasked")}</div>
    <div class=wb-block>${all("wb-block", "blocked")}</div><div class=sealed>${all("blockSelector", "blocked")}</div>
    ${fields.join("\n")}`;

  function spelledNumbers(): string {
    const spell: ((digits: string) => string)[] = [
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u2009"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u00a0"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u202f"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u2013"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u2011"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1."),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1/"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1\u00b7"),
      (digits) => digits.replace(/(.)(?=.)/g, "$1\u200b"),
      (digits) => digits.replace(/(.{4})(?=.)/g, "$1 - ").replace(/ - /g, " -"),
      (digits) =>
        Array.from(digits)
          .map((digit) => String.fromCodePoint(0xff10 + Number(digit)))
          .join(""),
      (digits) =>
        Array.from(digits)
          .map((digit) => String.fromCodePoint(0x0660 + Number(digit)))
          .join(""),
    ];
    const ibans = ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "FR14 2004 1010 0505 0001 3M02 606"];
    return [
      ...spell.map((how, index) => put(`number, spelling ${index}`, "number", how(cardOf(++count)))),
      ...ibans.map((iban) => put("IBAN", "number", iban)),
      put("phone", "number", "(555) 231-4567"),
      put("phone", "number", "0049 (30) 901820-11"),
      put("phone", "number", "\uff0b49-30-9018211"),
      put("social security", "number", "231-45-6789"),
    ].join(" ; ");
  }

  function spelledAddresses(): string {
    return [
      put("quoted e-mail", "email", `"mel quoted"@can-q.example`),
      put("e-mail with an apostrophe", "email", "o'mel.apos@can-a.example"),
      put("e-mail of another script", "email", "m\u00e9l.\u03b2\u03b3@b\u00fccher-can.example"),
      put("e-mail with a wide at", "email", "mel.wide\uff20can-w.example"),
      put("e-mail in words", "email", "mel.words (at) can-o.example"),
      put("e-mail of many labels", "email", "mel.deep@a.b.c.can-d.co.example"),
      `&lt;${put("e-mail in brackets", "email", "mel.bracket@can-b.example")}&gt;`,
      `mailto:${put("e-mail behind a colon", "email", "mel.colon@can-c.example")}?subject=x`,
    ].join(" ; ");
  }

  function spelledTokens(): string {
    return [
      put("JWT", "token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI4MTIzIn0.c2lnLW9m-YWxs_aXQ"),
      `Authorization: Bearer ${put("bearer", "token", "bearer.canary-9f8e~7d")}`,
      `Basic ${put("basic", "token", "Y2FuYXJ5OmJhc2lj")}`,
      put("cloud key", "token", "AKIAQ7CANARY3XYZ9012"),
      put("hex", "token", "9f86d081884c7d659a2feaa0c55ad015"),
      `password=${put("named in text", "token", "opensesame")}`,
      `-----BEGIN PRIVATE KEY-----\n${put("PEM", "token", "MIIEvQcanaryIBADANBgkqhkiG9w0BAQEFAASC")}\n-----END PRIVATE KEY-----`,
      `https://files.example/?X-Amz-Signature=${put("signature of an address in text", "token", "amzsigcanary")}&x=1`,
    ].join(" ; ");
  }

  /** Over nodes on one line: the whole must not be there, in one piece or put together. */
  function splitSecrets(): string {
    const card = cardOf(++count);
    put(
      "card over inline tags",
      "number",
      card.slice(0, 4) + "|" + card.slice(4, 8) + "|" + card.slice(8, 12) + "|" + card.slice(12),
    );
    const [a, b, c, d] = [card.slice(0, 4), card.slice(4, 8), card.slice(8, 12), card.slice(12)];
    put("e-mail over inline tags", "email", "mel.split|can-s.example");
    return `<span><b>${a}</b><b>${b}</b> <i>${c}</i><em>${d}</em></span> and <u>mel.split</u><b>@</b>can-s.example`;
  }

  const messages = (place: string): string =>
    [
      ...(["email", "card", "phone", "token"] as const).map((what) => make(place, what)),
      `"${make(place, "text")}"`,
      JSON.stringify({ password: make(place, "secretWord") }),
    ].join(" ");

  const script = `
    const $ = (selector) => document.querySelector(selector);
    const soon = () => new Promise((resolve) => setTimeout(resolve, 30));
    $("#changed").firstChild.nodeValue = ${quote(all("characterData"))};
    $("#named").setAttribute("title", ${quote(all("attribute changed"))});
    $("#named").setAttribute("data-late", ${quote(all("data attribute changed"))});
    $("#named").style.background = 'url("/late?${address("style changed")}")';
    $("#named").style.setProperty("--late", '"${all("custom property changed")}"');
    const added = document.createElement("section");
    added.innerHTML = ${quote(`<p>${all("added")}</p><img alt="${all("alt added")}"><!-- ${all("comment added", "machine")} -->`)};
    document.body.append(added);
    added.lastChild.nodeValue = ${quote(all("comment changed", "machine"))};
    $("#json").firstChild.nodeValue = ${quote(all("script changed", "machine"))};
    const root = $("#host").attachShadow({ mode: "open" });
    root.innerHTML = ${quote(`<p title="${all("title in a shadow")}">${all("shadow")}</p><input value="${make("input in a shadow", "text", "typed")}">`)};
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('p::after { content: "${all("adopted sheet")}"; }');
    root.adoptedStyleSheets = [sheet];
    sheet.insertRule('p::before { content: "${all("rule of an adopted sheet")}"; }');
    document.styleSheets[0].insertRule('.late::before { content: "${all("rule inserted")}"; }');
    document.styleSheets[0].cssRules[1].style.setProperty("content", '"${all("rule changed")}"');
    $("#frame").contentDocument.body.append(${quote(all("late in a frame"))});
    const context = $("#canvas").getContext("2d");
    context.fillText(${quote(all("canvas", "machine"))}, 10, 10);
    $("#toggled").type = "text";
    $("#toggled").value = ${quote(make("password shown, changed", "text", "always"))};
    $("#toggled").dispatchEvent(new Event("input", { bubbles: true }));
    $("#scripted").value = ${quote(make("set by script", "text", "typed"))};
    $("#scripted").setAttribute("value", ${quote(make("value attribute", "text", "typed"))});
    $("#scripted").dispatchEvent(new Event("input", { bubbles: true }));
    document.title = ${quote(all("title changed"))};
    getSelection().selectAllChildren($("#plain"));
    $("#plain").click();
    $("button").addEventListener("click", (event) => event.preventDefault());
    $("button").click();
    console.error(${quote(messages("console.error"))}, { note: ${quote(make("console object", "email"))} });
    console.log(${quote(messages("console.log"))});
    setTimeout(() => { throw new Error(${quote(messages("thrown"))}); });
    void Promise.reject(new Error(${quote(messages("rejected"))}));
    window.watchback.captureError(Object.assign(new Error(${quote(messages("captured"))}), { name: ${quote(make("name of an error", "email"))} }));
    await fetch("/api/${path("fetch path")}?${address("fetch")}");
    const request = new XMLHttpRequest();
    request.open("GET", "/api?${address("XMLHttpRequest")}");
    request.send();
    await soon();
    history.pushState({}, "", location.pathname + "?${address("pushState")}#${address("hash")}");
    await soon();
    location.hash = ${quote(address("hash changed"))};
    window.watchback.mark("bought", { what: ${quote(make("mark", "email", "given"))} });
    window.watchback.identify("u1", { mail: ${quote(make("trait", "email", "given"))} });
    await new Promise((resolve) => setTimeout(resolve, 250));`;

  return {
    secrets,
    head,
    body,
    script,
    search: `?${address("page address")}#${address("page hash")}`,
    referrerSearch: `?${address("referrer")}`,
    typing: [
      ["#keyed", make("typed", "text", "typed")],
      ["#keyedpass", make("typed password", "text", "always")],
      ["#keyedarea", make("typed in a textarea", "text", "typed")],
      ["#keyededit", make("typed in contenteditable", "text", "typed")],
      ["#ignored", make("typed in an ignored field", "text", "typed")],
    ],
  };
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** A number in letters, so that nothing takes it for a part of a number. */
function lettersOf(n: number): string {
  return Array.from(n.toString(26).padStart(3, "0"))
    .map((digit) => String.fromCharCode(97 + parseInt(digit, 26)))
    .join("");
}

/** A card number with a right check digit. */
function cardOf(n: number): string {
  const digits = `4${String(100_000_000_000 + n * 7_654_321_987).slice(0, 12)}21`.slice(0, 15);
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, index) => {
      const twice = Number(digit) * 2;
      return total + (index % 2 === 0 ? (twice > 9 ? twice - 9 : twice) : Number(digit));
    }, 0);
  return digits + String((10 - (sum % 10)) % 10);
}
