/** From a page to a viewer's screen, both in a real browser; how soon one who joins half-way sees it; and the server's own share. */

import type { Browser } from "playwright-core";
import { packMessage } from "../../protocol/msgpack-encode.ts";
import { launchBrowser } from "../../test/harness/browser.ts";
import { onEveryFrame, openSignedIn, openVisitor, readNumbers } from "../browser/watch.ts";
import { packedFrame } from "../load/batches.ts";
import { openFleet } from "../load/fleet.ts";
import { openPublisher, publishNext } from "../load/publisher.ts";
import { openRawSocket } from "../load/raw-socket.ts";
import { Samples } from "../load/samples.ts";
import { clientFrame, OPCODE } from "../load/ws-frames.ts";
import type { Figure } from "../report.ts";
import type { Rig, Watchback } from "../rig.ts";

const CHANGES = 60;
const JOINS = 15;
const SHARE_BATCHES = 500;
const SHARE_EVERY_MS = 10;
const LOAD_PER_SEC = 500;

export async function liveView(rig: Rig): Promise<Figure> {
  const server = await rig.startWatchback();
  const browser = await launchBrowser();
  const { lags, joins } = await watch(browser, server).finally(() => browser.close());
  const share = await serverShare(server);
  await server.stop();
  const row = (name: string, samples: Samples) => [name, samples.size, ...samples.percentiles([0.5, 0.95, 0.99])];
  return {
    name: "live-view",
    title: "From the page to the viewer, in milliseconds; real browser, real viewer, all on this machine",
    head: ["what", "samples", "p50", "p95", "p99"],
    rows: [
      row("change in the page -> shown in the viewer", lags),
      row("join half-way: address opened -> page visible", joins),
      row("server alone: batch in -> batch out, at 10,000 events/s beside", share),
    ],
    checks: [
      { what: "event in the page -> viewer, p95", value: lags.percentiles([0.95])[0], unit: "ms", bar: { atMost: 250 } },
      { what: "join half-way -> page visible, p95", value: joins.percentiles([0.95])[0], unit: "ms", bar: { atMost: 1_000 } },
      { what: "the server's own share, p99", value: share.percentiles([0.99])[0], unit: "ms", bar: { atMost: 5 } },
    ],
  };
}

async function watch(browser: Browser, server: Watchback): Promise<{ lags: Samples; joins: Samples }> {
  const visitor = await openVisitor(browser, server);
  await visitor.page.evaluate(
    `document.body.append(Object.assign(document.createElement("p"), { id: "bench-mark", className: "wb-unmask" }))`,
  );
  const context = await openSignedIn(browser, server);
  const address = `${server.origin}/sessions/${visitor.sessionId}`;

  const viewer = await context.newPage();
  await onEveryFrame(
    viewer,
    `(() => { let last = ""; window.lags = []; return (shown) => {
      const text = shown.querySelector("#bench-mark")?.textContent ?? "";
      if (text !== last && text !== "") { last = text; window.lags.push(Date.now() - Number(text)); }
    }; })()`,
  );
  await viewer.goto(address);
  // Before the viewer is there nothing is measured: the first change it sees may be an old one.
  await visitor.page.evaluate(`(() => {
    const mark = document.getElementById("bench-mark");
    const change = () => { mark.textContent = String(Date.now()); setTimeout(change, 200 + Math.random() * 200); };
    setTimeout(change, 1500);
  })()`);
  const lags = new Samples();
  const seen = await readNumbers(viewer, `window.lags.length > ${CHANGES}`, "window.lags");
  for (const lag of seen.slice(1)) lags.add(lag);
  await viewer.close();

  const joins = new Samples();
  for (let i = 0; i <= JOINS; i++) {
    const page = await context.newPage();
    await onEveryFrame(
      page,
      `(shown) => { if (!shown.querySelector("#bench-mark")?.textContent) return false; window.shownAt = performance.now(); return true; }`,
    );
    await page.goto(address, { waitUntil: "commit" });
    const [shownAt = Number.NaN] = await readNumbers(page, "window.shownAt > 0", "[window.shownAt]");
    if (i > 0) joins.add(shownAt); // the first fills the browser's cache
    await page.close();
  }
  return { lags, joins };
}

/** Batches through the server alone, measured outside of browsers, while others keep it busy. */
async function serverShare(server: Watchback): Promise<Samples> {
  const samples = new Samples();
  const publisher = await openPublisher(server.trackerUrl);
  const crowd = await openFleet({ url: server.trackerUrl, sessions: 100, frame: packedFrame });
  const now = () => performance.timeOrigin + performance.now();
  publishNext(publisher, now()); // the checkout with which a feed begins
  const key = Buffer.concat([Buffer.from([0xa7]), Buffer.from("firstAt"), Buffer.from([0xcb])]);
  let isCounting = false;
  const viewer = await openRawSocket({
    url: server.viewerUrl(await server.createToken()),
    onFrame: (_opcode, payload) => {
      const at = isCounting ? payload.indexOf(key) : -1;
      if (at >= 0) samples.add(now() - payload.readDoubleBE(at + key.length));
    },
  });
  viewer.send(clientFrame(OPCODE.binary, packMessage({ type: "viewer_join_session", data: { sessionId: publisher.sessionId } })));
  const busy = crowd.run(LOAD_PER_SEC, SHARE_BATCHES * SHARE_EVERY_MS + 3_000);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  isCounting = true;
  for (let i = 0; i < SHARE_BATCHES; i++) {
    publishNext(publisher, now());
    await new Promise((resolve) => setTimeout(resolve, SHARE_EVERY_MS));
  }
  await busy;
  crowd.close();
  viewer.close();
  publisher.socket.close();
  return samples;
}
