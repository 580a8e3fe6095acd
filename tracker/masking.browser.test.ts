import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, startTrackerPages, type TrackerPages } from "../test/harness/tracker-page.ts";

let pages: TrackerPages;
beforeAll(async () => {
  pages = await startTrackerPages();
});
afterAll(() => pages.close());

/** Everything that has left a page for the peer, as text. */
function sentBy(tab: string): string {
  return JSON.stringify([
    pages.peer.events(tab),
    pages.peer.tabs.get(tab)?.start,
    [...(pages.peer.tabs.get(tab)?.batches.values() ?? [])].map((batch) => batch.markers),
  ]);
}

/** Opens a page, does something in it, and waits until a mark made afterwards has come. */
async function record(body: string, data: string, act?: () => unknown): Promise<string> {
  const { page, context, url } = await pages.open(body, { data });
  if (act) await page.evaluate(act);
  // Mutation records are delivered before this.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  await page.evaluate(() => {
    window.watchback?.mark?.("done");
    window.watchback?.flush?.();
  });
  const tab = await eventually(
    "the mark",
    () =>
      [...pages.peer.tabs].find(
        ([, seen]) =>
          seen.start.url === url && [...seen.batches.values()].some((batch) => batch.markers.some(({ name }) => name === "done")),
      )?.[0],
  );
  await context.close();
  return sentBy(tab);
}

const SECRETS = [
  "ada@example.com",
  "4111 1111 1111 1111",
  "4111111111111111",
  "+49 151 23456789",
  "sk_live_51HxAbCdEfGhIjKlMnOp",
];
const FORM = `
  <p id=text>Write to ada@example.com, card 4111 1111 1111 1111, call +49 151 23456789, key sk_live_51HxAbCdEfGhIjKlMnOp. Plain words.</p>
  <img alt="photo of ada@example.com" title="4111111111111111" data-user="ada@example.com">
  <a id=link href="/u?email=ada@example.com&token=hunter2secret&page=2">link</a>
  <input id=name value="Ada Lovelace"><input id=mail type=email placeholder="ada@example.com">
  <input type=hidden value="hidden-secret"><input id=pass type=password value="letmein-1">
  <textarea id=area>private words</textarea><select id=pick><option>red</option><option selected>blue</option></select>
  <div id=typed contenteditable>typed by hand</div>
  <!-- comment with ada@example.com -->`;

describe("masking", () => {
  test("TRK-1 sensitive text is starred in snapshots, attributes, addresses and comments; plain words stay", async () => {
    const sent = await record(FORM, "");
    for (const secret of [...SECRETS, "hunter2secret"]) expect(sent).not.toContain(secret);
    expect(sent).toContain("Plain words.");
    expect(sent).toContain("page=2");
  });

  test("TRK-1 sensitive text is starred in mutations of text, nodes and attributes", async () => {
    const sent = await record(FORM, "", () => {
      const text = document.querySelector("#text");
      if (text?.firstChild) text.firstChild.nodeValue = "now bob@example.org";
      const added = document.createElement("section");
      added.innerHTML = `<b title="eve@example.net">eve@example.net and words</b>`;
      document.body.append(added);
      document.querySelector("#link")?.setAttribute("aria-label", "mallory@example.net");
    });
    for (const secret of ["bob@example.org", "eve@example.net", "mallory@example.net"]) expect(sent).not.toContain(secret);
    expect(sent).toContain(" and words");
  });

  test("TRK-2 what is typed or chosen is starred, whether typed by hand, set by script or there from the start", async () => {
    const sent = await record(FORM, "", () => {
      const name = document.querySelector<HTMLInputElement>("#name");
      if (name) name.value = "Grace Hopper";
      const hidden = document.querySelector<HTMLInputElement>("[type=hidden]");
      if (hidden) hidden.value = "another-hidden";
      const typed = document.querySelector("#typed");
      if (typed) typed.textContent = "more by hand";
      name?.dispatchEvent(new Event("input", { bubbles: true }));
    });
    for (const secret of [
      "Ada Lovelace",
      "Grace Hopper",
      "hidden-secret",
      "another-hidden",
      "letmein-1",
      "private words",
      "typed by hand",
      "more by hand",
    ]) {
      expect(sent).not.toContain(secret);
    }
    expect(sent).not.toContain(`"selected":true`);
  });

  test("TRK-2 with maskAllInputs off fields show, but passwords, card fields and sensitive values do not", async () => {
    const body = `${FORM}<input autocomplete="cc-csc" value="cvc-987"><input value="ada@example.com">`;
    const sent = await record(body, `data-mask-all-inputs="false"`);
    for (const shown of ["Ada Lovelace", "private words", "typed by hand"]) expect(sent).toContain(shown);
    for (const secret of ["letmein-1", "cvc-987", "ada@example.com"]) expect(sent).not.toContain(secret);
  });

  test("TRK-3 `all` stars every text and every readable attribute", async () => {
    const sent = await record(
      `<p title="a tip">visible words</p><button aria-label="buy it">Buy</button>`,
      `data-mask-text="all"`,
      () => {
        document.body.append("late words");
      },
    );
    for (const text of ["visible words", "a tip", "buy it", `"Buy"`, "late words"]) expect(sent).not.toContain(text);
  });

  test("TRK-3 `none` leaves text alone, but not passwords and not what is marked", async () => {
    const sent = await record(`${FORM}<p class="wb-mask">marked words</p>`, `data-mask-text="none"`);
    expect(sent).toContain("ada@example.com");
    for (const secret of ["letmein-1", "marked words"]) expect(sent).not.toContain(secret);
  });

  test("TRK-4 the nearest of mask and unmask decides, by class and by selector, into shadow roots and same-origin frames", async () => {
    const body = `
      <div class=wb-mask>starred one <span class=wb-unmask>shown one</span> <i class=secret2>x</i></div>
      <div class=private>starred two <b class=public>shown ada@example.com</b></div>
      <div class=wb-mask id=host></div>
      <input class=wb-unmask value="shown field"><input type=password class=wb-unmask value="never-shown">
      <div class=wb-mask><iframe id=frame srcdoc="<p>starred three</p>"></iframe></div>
      <script>
        const root = document.querySelector("#host").attachShadow({ mode: "open" });
        root.append("starred four");
        root.append(Object.assign(document.createElement("p"), { textContent: "starred five" }));
      </script>`;
    const sent = await record(body, `data-mask-text-selector=".private" data-unmask-selector=".public"`, async () => {
      const frame = document.querySelector<HTMLIFrameElement>("#frame");
      frame?.contentDocument?.body.append("starred six");
      document.querySelector("#host")?.shadowRoot?.append("starred seven");
      const inner = frame?.contentDocument?.body.appendChild(frame.contentDocument.createElement("div"));
      const innerRoot = inner?.attachShadow({ mode: "open" });
      const line = innerRoot?.appendChild(document.createElement("p"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      line?.append("starred eight");
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    for (const n of ["one", "two", "three", "four", "five", "six", "seven", "eight"]) expect(sent).not.toContain(`starred ${n}`);
    for (const shown of ["shown one", "shown ada@example.com", "shown field"]) expect(sent).toContain(shown);
    expect(sent).not.toContain("never-shown");
  });

  test("TRK-5 blocked elements and blocked frames leave nothing but a box", async () => {
    const body = `<div class=wb-block>blocked one</div><div id=b2>blocked two</div>
      <iframe class=wb-block srcdoc="<p>blocked three</p>"></iframe><p>shown</p>`;
    const sent = await record(body, `data-block-selector="#b2"`, async () => {
      document.querySelector(".wb-block")?.append("blocked four");
      document.querySelector("iframe")?.contentDocument?.body.append("blocked five");
      document.querySelector<HTMLElement>("#b2")?.click();
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    for (const n of ["one", "two", "three", "four", "five"]) expect(sent).not.toContain(`blocked ${n}`);
    expect(sent).toContain("rr_width");
  });

  test("TRK-6 markers are masked: messages, stacks, addresses, labels and titles", async () => {
    const sent = await record(`<button id=b>Mail ada@example.com</button>`, "", async () => {
      document.title = "Orders of ada@example.com";
      document.querySelector<HTMLElement>("#b")?.click();
      console.error("cannot reach ada@example.com", { card: "4111111111111111" });
      window.watchback?.captureError?.(new Error("no user ada@example.com 4111111111111111"));
      history.pushState({}, "", "?session=hunter2secret&mail=ada@example.com");
      await fetch("/api?email=ada@example.com&token=hunter2secret");
      // The page is given a while to set its title before its new address is told.
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    for (const secret of ["ada@example.com", "4111111111111111", "hunter2secret"]) expect(sent).not.toContain(secret);
    for (const kind of ["click", "console_error", "error", "failed_request", "navigation", "page_load"]) {
      expect(sent).toContain(`"kind":"${kind}"`);
    }
  });

  test("TRK-7 a selector that does not parse: nothing is recorded, and onError is told", async () => {
    const { page, context } = await pages.open("<p>words</p>", { withTag: false, path: "/bad-selector" });
    await page.addScriptTag({ url: "/tracker.js" });
    const told = await page.evaluate(() => {
      let name = "";
      const handle = window.watchback?.init({
        key: "x".repeat(32),
        maskTextSelector: "p[",
        onError: (error) => (name = error instanceof Error ? error.name : ""),
      });
      return [name, handle?.sessionId() ?? null];
    });
    expect(told).toEqual(["SyntaxError", null]);
    await context.close();
  });
});
