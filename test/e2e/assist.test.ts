import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as v from "valibot";
import { startApp, type TestApp } from "../harness/app.ts";
import { namesShown, openSecondAgent, press, textShown } from "../harness/assist.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, openViewer, readReplay, readSessionDetail, storedSessionOf } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

const auditSchema = v.object({
  entries: v.array(v.looseObject({ action: v.string(), data: v.record(v.string(), v.unknown()) })),
});

async function readAudit(sessionId: string) {
  const { entries } = v.parse(auditSchema, await app.getJson(`/v1/audit?subject=${sessionId}`));
  return entries;
}

/** Keeps the calls that a page makes from now on, where a test can look at them. */
const KEEP_CALLS = `(() => {
  const Real = RTCPeerConnection;
  window.calls = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...all) {
      super(...all);
      window.calls.push(this);
    }
  };
})()`;

/** How much sound of the other side was played; silence adds nothing. */
const HEARD = `(async () => {
  let heard = 0;
  for (const call of window.calls)
    for (const one of (await call.getStats()).values())
      if (one.type === "inbound-rtp" && one.kind === "audio") heard += one.totalAudioEnergy ?? 0;
  return heard;
})()`;

/** True where nothing of the visitor's screen is captured. */
const SHOWS_NOTHING = `window.calls.flatMap((call) => call.getSenders()).every(({ track }) => track?.kind !== "video" || track.readyState === "ended")`;

/** A visitor on the demo page, and an agent who looks at him live. */
async function openBoth(
  path = "/demo",
  by = browser,
): Promise<{ visitor: Page; agent: Page; sessionId: string; faults: string[] }> {
  const { page: visitor, faults } = await openDemo(by, app, { path });
  const sessionId = await storedSessionOf(app, visitor);
  const { page: agent, faults: agentFaults } = await openViewer(by, app, `/sessions/${sessionId}`);
  await waitFor(async () => (await readReplay(agent))?.includes("Kettle"), { what: () => "the live view" });
  return {
    visitor,
    agent,
    sessionId,
    faults: new Proxy(faults, { get: (own, key) => Reflect.get([...own, ...agentFaults], key) as unknown }),
  };
}

/** Asks for a power by the agent's panel, and has the visitor allow it. */
async function getPower(agent: Page, visitor: Page, name: string): Promise<void> {
  await agent.getByRole("button", { name: "Ask for…" }).click();
  await agent.getByRole("button", { name: `Ask for: ${name}` }).click();
  await press(visitor, "Allow");
  await agent.getByRole("button", { name: `End: ${name}` }).waitFor();
  await agent.keyboard.press("Escape");
}

/** Where an element of the visitor's page is on the agent's screen. */
async function placeInSheet(agent: Page, visitor: Page, selector: string): Promise<{ x: number; y: number }> {
  const box = await visitor.locator(selector).boundingBox();
  const sheet = await agent.locator(".sheet").boundingBox();
  const viewport = visitor.viewportSize();
  if (!box || !sheet || !viewport) throw new Error(`nothing to press: ${selector}`);
  const scale = sheet.width / viewport.width;
  return { x: sheet.x + (box.x + box.width / 2) * scale, y: sheet.y + (box.y + box.height / 2) * scale };
}

async function pressThere(agent: Page, visitor: Page, selector: string): Promise<void> {
  const { x, y } = await placeInSheet(agent, visitor, selector);
  await agent.mouse.move(x, y);
  await agent.mouse.click(x, y);
}

it(
  "AST-1 a visitor is asked, sees who is there and what he may do, and ends it with one button",
  { timeout: 120_000 },
  async () => {
    const { visitor, agent, sessionId, faults } = await openBoth();
    await agent.getByRole("button", { name: "Help", exact: true }).click();
    await waitFor(async () => (await textShown(visitor)).includes("Admin would like to help you"), {
      what: () => "the question",
    });
    expect(await namesShown(visitor, "checkbox")).toEqual(
      expect.arrayContaining(["See your pointer, and point at things", "Chat with you"]),
    );
    await press(visitor, "Allow");
    await agent.getByText("You are helping").waitFor();
    const shown = await waitFor(async () =>
      (await textShown(visitor)).includes("Admin is helping you") ? await textShown(visitor) : null,
    );
    expect(shown).toContain("May point and chat");

    // Both see each other's pointer, and what they write.
    await visitor.mouse.move(300, 200);
    await visitor.mouse.move(320, 220);
    await agent.locator(".sheet .pointer[data-from=visitor]").waitFor();
    await pressThere(agent, visitor, "#open-cart");
    await waitFor(async () => (await agent.locator(".sheet .ring").count()) === 1, { what: () => "the mark" });
    await agent.getByRole("textbox", { name: "Message to the visitor" }).fill("Good morning");
    await agent.getByRole("button", { name: "Send" }).click();
    await waitFor(async () => (await textShown(visitor)).includes("Good morning"), { what: () => "the agent's words" });
    await press(visitor, "Message", "textbox");
    await visitor.keyboard.type("Where is my tea?");
    await visitor.keyboard.press("Enter");
    await agent.getByText("Where is my tea?").waitFor();

    // What an agent is told stands for six seconds only.
    await Promise.all([agent.getByText("The visitor has ended it").waitFor(), press(visitor, "End")]);
    await waitFor(async () => !(await textShown(visitor)).includes("helping you"), { what: () => "the bar to go" });
    expect(await visitor.locator(".wb-assist").count()).toBe(0);

    const { markers } = await waitFor(
      async () => {
        const detail = await readSessionDetail(app, sessionId);
        return detail.markers.some(({ kind, name }) => kind === "assist" && name === "ended") ? detail : null;
      },
      { what: () => "the end on the timeline" },
    );
    const names = markers.filter(({ kind }) => kind === "assist").map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["granted", "pointed", "chat", "ended"]));
    expect(JSON.stringify(markers)).not.toContain("Where is my tea");
    const entries = await waitFor(async () => {
      const read = await readAudit(sessionId);
      return read.some(({ action }) => action === "assist_ended") ? read : null;
    });
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["assist_asked", "assist_granted", "assist_ended"]),
    );
    expect(entries.find(({ action }) => action === "assist_ended")?.data).toMatchObject({
      by: "visitor",
      messages: 1,
      highlights: 1,
    });
    expect(faults.length).toBe(0);
  },
);

it(
  "AST-2 remote control clicks, scrolls and types as the visitor would, and never where it must not",
  { timeout: 120_000 },
  async () => {
    const { visitor, agent } = await openBoth("/demo?page=checkout");
    await agent.getByRole("button", { name: "Help", exact: true }).click();
    await press(visitor, "Allow");
    await agent.getByText("You are helping").waitFor();
    await getPower(agent, visitor, "Remote control");
    await agent.getByRole("button", { name: "Control", exact: true }).click();

    await pressThere(agent, visitor, "#name");
    await waitFor(() => visitor.evaluate("document.activeElement?.id === 'name'"), { what: () => "the focus in the name" });
    await agent.keyboard.type("Grace");
    await waitFor(async () => (await visitor.inputValue("#name")) === "Grace", { what: () => "the name" });
    await agent.keyboard.press("Backspace");
    await waitFor(async () => (await visitor.inputValue("#name")) === "Grac", { what: () => "the name without its end" });

    for (const selector of ["#password", "#card"]) {
      await pressThere(agent, visitor, selector);
      await agent.locator(".panel .note").getByText("This field is secret").waitFor();
      await agent.keyboard.type("hunter2");
      // Deeds are done in their order: when this is there, all before it was refused.
      await pressThere(agent, visitor, "#phone");
      await agent.keyboard.type("7");
      await waitFor(async () => (await visitor.inputValue("#phone")) === "7", { what: () => "the phone number" });
      expect(await visitor.inputValue(selector)).toBe("");
      await agent.keyboard.press("Backspace");
      await waitFor(async () => (await visitor.inputValue("#phone")) === "");
    }

    const { x, y } = await placeInSheet(agent, visitor, "#checkout");
    await agent.mouse.move(x, y);
    const isScrolled = async () => {
      await agent.mouse.wheel(0, 300);
      return visitor.evaluate<boolean>("scrollY > 50");
    };
    await waitFor(isScrolled, { everyMs: 500, what: () => "the page to be scrolled" });
  },
);

it("AST-3 two agents see each other, and a guided click is the visitor's", { timeout: 120_000 }, async () => {
  const { visitor, agent, sessionId } = await openBoth();
  const second = await openSecondAgent(browser, app, "grace.hopper@example.com", `/sessions/${sessionId}`);
  await waitFor(async () => (await readReplay(second))?.includes("Kettle"), { what: () => "the second live view" });
  await agent.getByRole("button", { name: "Help", exact: true }).click();
  await press(visitor, "Allow");
  await agent.getByText("You are helping").waitFor();
  await second.getByRole("button", { name: "Help", exact: true }).click();
  await waitFor(async () => (await textShown(visitor)).includes("Grace Hopper would like to help you"));
  await press(visitor, "Allow");
  await second.getByText("You are helping").waitFor();
  await waitFor(async () => (await textShown(visitor)).includes("Admin and Grace Hopper are helping you"));
  await agent.locator(".others").getByText("Grace Hopper").waitFor();

  await getPower(second, visitor, "Drawing");
  await second.getByRole("button", { name: "Draw", exact: true }).click();
  const { x, y } = await placeInSheet(second, visitor, ".intro h1");
  await second.mouse.move(x, y);
  await second.mouse.down();
  await second.mouse.move(x + 60, y + 10, { steps: 5 });
  await second.mouse.up();
  await agent.locator(".sheet polyline").waitFor();
  await agent.locator(".sheet .pointer").getByText("Grace Hopper").waitFor();

  await getPower(agent, visitor, "Guided click");
  await agent.getByRole("button", { name: "Guide", exact: true }).click();
  await pressThere(agent, visitor, "#open-cart");
  await waitFor(async () => (await textShown(visitor)).includes("Admin asks you to click here"));
  expect(await visitor.evaluate("document.querySelector('#cart').open")).toBe(false);
  await Promise.all([agent.getByText("The visitor clicked it").waitFor(), press(visitor, "Click it")]);
  await waitFor(() => visitor.evaluate("document.querySelector('#cart').open"), { what: () => "the basket" });

  // A dialog lies over the whole page: the end can be reached all the same.
  const told = [agent, second].map((one) => one.getByText("The visitor has ended it").waitFor());
  await Promise.all([...told, press(visitor, "End")]);
});

it("AST-4 help goes on over a page load, and all of it goes with the tracker", { timeout: 120_000 }, async () => {
  const { visitor, agent } = await openBoth();
  await agent.getByRole("button", { name: "Help", exact: true }).click();
  await press(visitor, "Allow");
  await agent.getByText("You are helping").waitFor();
  await visitor.reload();
  await waitFor(async () => (await textShown(visitor)).includes("Admin is helping you"), {
    what: () => "the bar on the next page",
  });
  await visitor.evaluate("window.watchback.stop()");
  expect(await visitor.evaluate("document.querySelectorAll('.wb-assist, script[src*=tracker-assist]').length")).toBe(0);
});

it(
  "AST-5 the visitor's screen and voice go from browser to browser, and end with either side",
  { timeout: 120_000 },
  async () => {
    const seeing = await launchBrowser([
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--allow-loopback-in-peer-connection",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
    ]);
    try {
      const { visitor, agent } = await openBoth("/demo", seeing);
      await agent.getByRole("button", { name: "Help", exact: true }).click();
      await press(visitor, "Allow");
      await agent.getByText("You are helping").waitFor();
      await visitor.evaluate(KEEP_CALLS);
      await getPower(agent, visitor, "Voice");
      const sound = agent.locator("audio");
      await sound.waitFor({ state: "attached" });
      await waitFor(() => sound.evaluate((element) => element instanceof HTMLMediaElement && element.currentTime > 0), {
        what: () => "the visitor's voice",
      });
      await waitFor(async () => (await visitor.evaluate<number>(HEARD)) > 0, { what: () => "the agent's voice" });

      await getPower(agent, visitor, "Screen");
      const screen = agent.getByLabel("The visitor's screen");
      await screen.waitFor();
      await waitFor(() => screen.evaluate((element) => element instanceof HTMLVideoElement && element.videoWidth > 0), {
        what: () => "the visitor's screen",
      });
      // The agent ends it, and nothing is captured any more; the call goes on.
      await agent.getByRole("button", { name: "Ask for…" }).click();
      await agent.getByRole("button", { name: "End: Screen" }).click();
      await screen.waitFor({ state: "detached" });
      await waitFor(() => visitor.evaluate<boolean>(SHOWS_NOTHING), { what: () => "the capture to end" });
      await agent.keyboard.press("Escape");
      const heard = await visitor.evaluate<number>(HEARD);
      await waitFor(async () => (await visitor.evaluate<number>(HEARD)) > heard, { what: () => "the agent's voice, still" });
      await press(visitor, "End");
      await sound.waitFor({ state: "detached" });
    } finally {
      await seeing.close();
    }
  },
);
