/**
 * Co-browsing in tests: what is in the closed shadow root of the visitor's page is found by the browser's own accessibility tree, and pressed
 * where it is drawn, as a person does. Nothing of the page is opened up for it.
 */

import type { Browser, CDPSession, Page } from "playwright-core";
import * as v from "valibot";
import type { TestApp } from "./app.ts";
import { waitFor } from "./wait.ts";

const nodesSchema = v.object({
  nodes: v.array(
    v.looseObject({ backendDOMNodeId: v.optional(v.number()), name: v.optional(v.looseObject({ value: v.string() })) }),
  ),
});
const boxSchema = v.object({ model: v.looseObject({ content: v.array(v.number()) }) });
const treeSchema = v.object({ root: v.looseObject({ nodeId: v.number() }) });

const sessions = new WeakMap<Page, Promise<CDPSession>>();

function cdpOf(page: Page): Promise<CDPSession> {
  const known = sessions.get(page) ?? page.context().newCDPSession(page);
  sessions.set(page, known);
  return known;
}

/** Names of what is in the page with this role, closed shadow roots included. */
export async function namesShown(page: Page, role: string): Promise<string[]> {
  return (await findAll(page, role)).map(({ name }) => name);
}

/** All text that is in the page for people who hear it, closed shadow roots included. */
export async function textShown(page: Page): Promise<string> {
  return (await namesShown(page, "StaticText")).join("\n");
}

/** Presses a button (or whatever has the role) by its name, with the mouse. */
export async function press(page: Page, name: string, role = "button"): Promise<void> {
  const place = await waitFor(
    async () => {
      const found = (await findAll(page, role)).find((one) => one.name === name);
      return found ? placeOf(page, found.id) : null;
    },
    { what: () => `a ${role} named ${name}` },
  );
  await page.mouse.click(place.x, place.y);
}

async function findAll(page: Page, role: string): Promise<{ id: number; name: string }[]> {
  const cdp = await cdpOf(page);
  try {
    const { root } = v.parse(treeSchema, await cdp.send("DOM.getDocument", { depth: 0 }));
    const { nodes } = v.parse(nodesSchema, await cdp.send("Accessibility.queryAXTree", { nodeId: root.nodeId, role }));
    return nodes.flatMap(({ backendDOMNodeId: id, name }) => (id === undefined ? [] : [{ id, name: name?.value ?? "" }]));
  } catch (error) {
    // The page is being loaded anew.
    if (/context|navigat|destroyed|not find|No node/i.test(String(error))) return [];
    throw error;
  }
}

async function placeOf(page: Page, backendNodeId: number): Promise<{ x: number; y: number } | null> {
  const cdp = await cdpOf(page);
  try {
    await cdp.send("DOM.scrollIntoViewIfNeeded", { backendNodeId });
    const { model } = v.parse(boxSchema, await cdp.send("DOM.getBoxModel", { backendNodeId }));
    const [left = 0, top = 0, , , right = 0, bottom = 0] = model.content;
    return { x: (left + right) / 2, y: (top + bottom) / 2 };
  } catch {
    return null;
  }
}

/** Another member of the first project; opens a page of the viewer as him. */
export async function openSecondAgent(
  browser: Browser,
  app: TestApp,
  email: string,
  path: string,
  role = "member",
): Promise<Page> {
  const password = "a compiler of sentences";
  const post = async (target: string, body: unknown, cookie = "") => {
    const answer = await fetch(app.baseUrl + target, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(cookie === "" ? {} : { Cookie: cookie }) },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${target}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const invited = await post("/v1/projects/1/invitations", { email, role }, await app.signIn());
  const { url } = v.parse(v.looseObject({ url: v.string() }), await invited.json());
  await post("/auth/invitation", { token: url.split("#token=")[1], password });
  const signedIn = await post("/auth/login", { email, password });
  const [name = "", value = ""] = (signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "").split("=");
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies([{ name, value, url: app.baseUrl }]);
  const page = await context.newPage();
  await page.goto(app.baseUrl + path);
  return page;
}
