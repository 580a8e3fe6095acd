import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "../harness/app.ts";
import { launchBrowser } from "../harness/browser.ts";
import { openDemo, openViewer, readReplay, readSessionDetail, sessionIdOf } from "../harness/visit.ts";
import { waitFor } from "../harness/wait.ts";

/** What the issue promises: rights that are withdrawn cut a live view. */
const CUT_WITHIN_MS = 5_000;
const GRACE = "grace@example.com";
const PASSWORD = "a compiler of sentences";

let app: TestApp;
let browser: Browser;

beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await app.remove();
});

/** A browser of somebody else, signed in nowhere. */
async function openStranger(path: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
  await page.goto(path);
  return page;
}

/** The text that is shown once: a link or a token. */
async function readShownOnce(page: Page): Promise<string> {
  const text = await page.getByRole("group").locator("code").textContent();
  return text ?? "";
}

/** Goes somewhere by the menu at the right of the bar. */
async function goByMenu(page: Page, label: string): Promise<void> {
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("menuitem", { name: label }).click();
}

async function confirm(page: Page, action: string): Promise<void> {
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("button", { name: action, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
}

/** Records a visit of the demo page with another project's key, until the server has it. */
async function visit(key: string): Promise<{ page: Page; sessionId: string }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.route(/\/demo(\?.*)?$/, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/data-key="[0-9a-f]+"/, `data-key="${key}"`) });
  });
  await page.goto(`${app.baseUrl}/demo`);
  const sessionId = await sessionIdOf(page);
  await waitFor(async () => (await readSessionDetail(app, sessionId).catch(() => null))?.session.eventCount, {
    what: () => "the visit to be stored",
  });
  return { page, sessionId };
}

it(
  "E2E-20 an invited person sees one project only, and is out within five seconds of his removal",
  { timeout: 120_000 },
  async () => {
    const { page: admin, faults } = await openViewer(browser, app, "/");
    await admin.getByRole("button", { name: /^Project:/ }).click();
    await admin.getByRole("menuitem", { name: "New project" }).click();
    await admin.getByLabel("Name").fill("Second shop");
    await admin.keyboard.press("Enter");
    await admin.waitForURL(/\/projects\/\d+\/general$/);
    const tag = (await admin.locator("pre").first().textContent()) ?? "";
    const key = /data-key="([0-9a-f]{32})"/.exec(tag)?.[1] ?? "";

    await admin.getByRole("link", { name: "People" }).click();
    await admin.getByLabel("E-mail address").fill(GRACE);
    await admin.getByLabel("Role", { exact: true }).selectOption("admin");
    await admin.getByRole("button", { name: "Make an invitation" }).click();
    const link = await readShownOnce(admin);
    expect(link).toMatch(/^http:\/\/localhost:\d+\/invite#token=\S{20,}$/);

    // Too short a password is refused before it is sent, a good one makes the account.
    const grace = await openStranger(link);
    await grace.getByText(GRACE).first().waitFor();
    await grace.getByLabel("Choose a password").fill("short");
    await grace.keyboard.press("Enter");
    expect(new URL(grace.url()).pathname).toBe("/invite");
    await grace.getByLabel("Choose a password").fill(PASSWORD);
    await grace.keyboard.press("Enter");
    await grace.waitForURL(`${app.baseUrl}/`);
    await grace.getByText("Second shop").waitFor();

    // The link worked once.
    const late = await openStranger(link);
    await late.getByRole("heading", { name: "This link cannot be used" }).waitFor();

    // What is of the first project is as good as not there, and so is the administration.
    const first = await visit(app.projectKey);
    const second = await visit(key);
    await grace.locator(`a[href="/sessions/${second.sessionId}"]`).waitFor();
    expect(await grace.locator(`a[href="/sessions/${first.sessionId}"]`).count()).toBe(0);
    await grace.goto(`${app.baseUrl}/sessions/${first.sessionId}`);
    await grace.getByRole("heading", { name: "This session does not exist" }).waitFor();
    await grace.goto(`${app.baseUrl}/projects/1/people`);
    await grace.getByRole("heading", { name: "This project does not exist" }).waitFor();
    await grace.goto(`${app.baseUrl}/admin/users`);
    await grace.getByRole("heading", { name: "This is for administrators" }).waitFor();

    // As an admin she may change settings; made a viewer, the page says why she may not.
    await grace.goto(`${app.baseUrl}/`);
    await goByMenu(grace, "Project settings");
    await grace.getByRole("textbox", { name: "Slug" }).fill("Not A Slug");
    await grace.getByRole("button", { name: "Save" }).first().click();
    await grace.locator('[aria-invalid="true"]').waitFor();
    expect(
      await grace.getByRole("textbox", { name: "Slug" }).evaluate((field) => field === field.ownerDocument.activeElement),
    ).toBe(true);
    await admin.reload();
    await admin.getByLabel(`Role of ${GRACE}`).selectOption("viewer");
    const member = admin.getByRole("listitem").filter({ hasText: GRACE });
    await member.getByText("watches sessions, live and replayed").waitFor();
    await grace.getByRole("textbox", { name: "Slug" }).fill("second");
    await grace.getByRole("button", { name: "Save" }).first().click();
    await grace.getByText("This takes the role admin in the project; yours is viewer.").first().waitFor();

    // She watches live when she is removed.
    await grace.goto(`${app.baseUrl}/sessions/${second.sessionId}`);
    await waitFor(async () => (await readReplay(grace))?.includes("Twelve things"), { what: () => "the live replay" });
    await admin.getByRole("button", { name: `Remove ${GRACE}` }).click();
    await confirm(admin, "Remove");
    const removedAt = performance.now();
    await grace.getByRole("heading", { name: "You may not watch this any more" }).waitFor({ timeout: CUT_WITHIN_MS });
    expect(performance.now() - removedAt).toBeLessThan(CUT_WITHIN_MS);
    expect(await readReplay(grace)).toBeNull();
    await grace.goto(`${app.baseUrl}/`);
    await grace.getByRole("heading", { name: "You may not see any project" }).waitFor();
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-21 a token is made and revoked, a password changed; who is signed out comes back to where he was",
  { timeout: 90_000 },
  async () => {
    const { page: admin, faults } = await openViewer(browser, app, "/account/tokens");
    await admin.getByLabel("Name").fill("nightly report");
    await admin.getByRole("button", { name: "Make a token" }).click();
    const token = await readShownOnce(admin);
    expect(token).toMatch(/^[0-9a-f]{40}$/);
    const use = async (): Promise<number> =>
      (await fetch(`${app.baseUrl}/v1/projects`, { headers: { Authorization: `Bearer ${token}` } })).status;
    expect(await use()).toBe(200);
    await admin.reload();
    expect(await admin.content()).not.toContain(token);
    await admin.getByRole("button", { name: "Revoke nightly report" }).click();
    // Escape keeps it.
    await admin.keyboard.press("Escape");
    await admin.getByRole("alertdialog").waitFor({ state: "detached" });
    expect(await use()).toBe(200);
    await admin.getByRole("button", { name: "Revoke nightly report" }).click();
    await confirm(admin, "Revoke");
    await waitFor(async () => (await use()) === 401, { timeoutMs: CUT_WITHIN_MS, what: () => "the token to be refused" });

    const { page: other } = await openViewer(browser, app, "/account/sign-ins");
    await other.getByText("This browser").waitFor();
    await admin.getByRole("link", { name: "Password" }).click();
    await admin.getByLabel("Current password").fill("not this one");
    await admin.getByLabel("New password").fill(`${app.password} twice`);
    await admin.keyboard.press("Enter");
    await admin.getByText("This is not your current password.").waitFor();
    await admin.getByLabel("Current password").fill(app.password);
    await admin.keyboard.press("Enter");
    await admin.getByText("Changed; other browsers are signed out").waitFor();

    // The other browser finds out with its next step, says so, and goes on where it was.
    await other.getByRole("link", { name: "Tokens" }).click();
    await other.getByText("You have been signed out.").waitFor();
    await other.getByLabel("E-mail").fill(app.email);
    await other.getByLabel("Password").fill(app.password);
    await other.keyboard.press("Enter");
    await other.locator(".notice").waitFor();
    await other.getByLabel("Password").fill(`${app.password} twice`);
    await other.keyboard.press("Enter");
    await other.waitForURL(`${app.baseUrl}/account/tokens`);

    // Back to what the other tests sign in with.
    await admin.getByLabel("Current password").fill(`${app.password} twice`);
    await admin.getByLabel("New password").fill(app.password);
    await admin.keyboard.press("Enter");
    await waitFor(async () => (await admin.getByLabel("New password").inputValue()) === "", { what: () => "the change" });
    expect(faults).toEqual([]);
  },
);

it(
  "E2E-22 a session is pinned and erased, a person is erased, and the audit tells of all of it",
  { timeout: 120_000 },
  async () => {
    // The password was changed: the sign-ins of before are over.
    await app.signIn();
    const { page: visitor } = await openDemo(browser, app, { masked: true });
    const sessionId = await sessionIdOf(visitor);
    await visitor.evaluate("window.watchback.identify('zebulon', {})");
    await waitFor(async () => JSON.stringify(await readSessionDetail(app, sessionId).catch(() => null)).includes('"zebulon"'), {
      what: () => "the visitor's name",
    });
    const { page: admin, faults } = await openViewer(browser, app, `/sessions/${sessionId}`);
    await waitFor(async () => (await readReplay(admin))?.includes("Twelve things"), { what: () => "the live replay" });
    await admin.getByRole("button", { name: "Pin", exact: true }).click();
    await admin.getByRole("button", { name: "Unpin" }).waitFor();
    await visitor.close();

    await admin.goto(`${app.baseUrl}/?pinned=true`);
    const row = admin.locator(`a[href="/sessions/${sessionId}"]`);
    await row.getByLabel("Pinned").waitFor();
    await row.click();
    await admin.getByRole("tab", { name: "Details" }).click();
    await admin.getByRole("button", { name: "Erase this person" }).click();
    await admin.getByRole("alertdialog").getByText("1 session").waitFor();
    expect(await admin.getByRole("button", { name: "Erase the person" }).isDisabled()).toBe(true);
    await admin.keyboard.press("Escape");
    await admin.getByRole("alertdialog").waitFor({ state: "detached" });
    await admin.getByRole("button", { name: "Erase this session" }).click();
    await confirm(admin, "Erase");
    await admin.waitForURL(`${app.baseUrl}/`);
    expect((await fetch(`${app.baseUrl}/v1/sessions/${sessionId}`, { headers: { Cookie: await app.signIn() } })).status).toBe(
      404,
    );
    await admin.goto(`${app.baseUrl}/sessions/${sessionId}`);
    await admin.getByRole("heading", { name: "This session does not exist" }).waitFor();

    await admin.goto(`${app.baseUrl}/projects/1/danger`);
    await admin.getByLabel("User id").fill("zebulon");
    await admin.getByRole("button", { name: "Erase this person" }).click();
    await admin.getByLabel("Write “zebulon” to go on").fill("zebulon");
    await admin.keyboard.press("Enter");
    await admin.getByText("Nothing is left of “zebulon”.").waitFor();

    await goByMenu(admin, "Audit");
    for (const said of ["watched a session", "pinned a session", "erased a session", "erased a person"]) {
      await admin.getByText(said).first().waitFor();
    }
    expect(await admin.locator("main").textContent()).not.toContain("zebulon");
    await admin.getByLabel("What", { exact: true }).selectOption("session_watched");
    await waitFor(async () => (await admin.getByText(/ pinned a session/).count()) === 0, { what: () => "the filter" });
    expect(new URL(admin.url()).search).toBe("?action=session_watched");
    expect(await admin.getByText("watched a session").count()).toBeGreaterThan(0);
    expect(faults).toEqual([]);
  },
);
