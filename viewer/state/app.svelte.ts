/** Who is signed in, which project is looked at, what may be done there, and the one socket that pages share. */

import { tick } from "svelte";
import { CLOSE } from "../../protocol/close-codes.ts";
import { ApiError } from "../net/api.ts";
import { readProjects, type Project } from "../net/api-projects.ts";
import { readMe, signOut, type User } from "../net/api-sign-in.ts";
import { FeedSocket, viewerSocketUrl, type Connection } from "../net/feed-socket.ts";
import { isAtLeast, whyNot, type Role } from "../net/roles.ts";
import { isOpenPath } from "./paths.ts";
import { router } from "./router.svelte.ts";

const PROJECT_KEY = "watchback.project";
/** After a refusal of the socket that no change of rights explains, it is tried again this much later. */
const REFUSED_AGAIN_MS = 30_000;

/** Rights and projects that were read longer ago are read again when the page comes to the front. */
const STALE_MS = 60_000;

class App {
  /** `unknown` until the server has said who we are. */
  state = $state<"unknown" | "signed-out" | "signed-in" | "unreachable">("unknown");
  user = $state.raw<User | null>(null);
  projects = $state.raw<readonly Project[]>([]);
  connection = $state<Connection>("idle");
  /** Why somebody who was signed in sees the sign-in page. */
  notice = $state("");
  private projectId = $state<number | null>(null);
  private refusedAt = -Infinity;
  private readAt = performance.now();
  private refreshing: Promise<void> | null = null;
  readonly socket = new FeedSocket(viewerSocketUrl(), (connection, closeCode) => {
    this.connection = connection;
    if (closeCode === CLOSE.unauthorized) void this.refresh();
    if (closeCode === CLOSE.forbidden && connection === "refused") void this.followAgain();
  });

  constructor() {
    window.addEventListener("online", () => this.socket.reconnectNow());
    document.addEventListener("visibilitychange", () => this.lookAgain());
  }

  /** The project that is looked at; null before anything is known, and for somebody without any. */
  get project(): Project | null {
    return this.projects.find((project) => project.id === this.projectId) ?? this.projects[0] ?? null;
  }

  /** The reader's role in a project; an administrator is owner of all. */
  roleIn(projectId: number | undefined): Role | null {
    if (projectId === undefined || this.user === null) return null;
    return this.user.isAdmin ? "owner" : (this.user.roles[String(projectId)] ?? null);
  }

  /** True where the reader's role in a project is enough. */
  may(least: Role, projectId: number | undefined = this.project?.id): boolean {
    return isAtLeast(this.roleIn(projectId), least);
  }

  /** Why he may not, in words; empty where he may. */
  whyNot(least: Role, projectId: number | undefined = this.project?.id): string {
    return whyNot(this.roleIn(projectId), least);
  }

  chooseProject(id: number): void {
    this.projectId = id;
    try {
      localStorage.setItem(PROJECT_KEY, String(id));
    } catch {
      // Storage may be closed; the choice then lasts as long as the page.
    }
  }

  /** Asks the server who we are and what we may see. */
  async load(): Promise<void> {
    try {
      this.user = await readMe();
      this.projects = await readProjects();
      this.projectId ??= readStoredProject();
      this.state = "signed-in";
      this.notice = "";
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.state = "signed-out";
      else this.state = "unreachable";
    }
  }

  /** Asks again, because rights or projects may have changed; what is on the screen stays. */
  refresh(): Promise<void> {
    this.refreshing ??= this.readAgain().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  /** To be told by whoever meets a 401: what was open goes on after signing in again. */
  signedOut(): void {
    if (this.state === "signed-in") this.notice = "You have been signed out. Sign in to go on where you were.";
    this.state = "signed-out";
    this.user = null;
    const { path } = router;
    if (isOpenPath(path)) return;
    const next = `${path}${window.location.search}`;
    router.go(next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`, { replace: true });
  }

  /** Signs this browser out, because its user wants to. */
  async signOut(): Promise<void> {
    await signOut().catch(() => undefined);
    this.leave("");
  }

  /** Shows the sign-in page, with a word why. */
  leave(notice: string): void {
    this.user = null;
    this.state = "signed-out";
    this.notice = notice;
    router.go("/sign-in");
  }

  /** True where the failure was that nobody is signed in (any more); it is dealt with then. After a refusal, rights are read anew. */
  handledSignOut(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false;
    if (error.status === 403 || error.status === 404) void this.refresh();
    if (error.status !== 401) return false;
    this.signedOut();
    return true;
  }

  /** Who comes back to a page that was open for long is shown what he may see now. */
  private lookAgain(): void {
    if (document.visibilityState !== "visible" || this.state !== "signed-in") return;
    if (performance.now() - this.readAt > STALE_MS) void this.refresh();
  }

  private async readAgain(): Promise<void> {
    this.readAt = performance.now();
    try {
      const [user, projects] = [await readMe(), await readProjects()];
      if (JSON.stringify(user) !== JSON.stringify(this.user)) this.user = user;
      if (JSON.stringify(projects) !== JSON.stringify(this.projects)) this.projects = projects;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.signedOut();
    }
  }

  /** The socket was cut because rights were withdrawn: what is still allowed is followed again. */
  private async followAgain(): Promise<void> {
    const { user } = this;
    await this.refresh();
    await tick();
    const isNews = user !== this.user;
    const now = performance.now();
    if (this.state !== "signed-in" || (!isNews && now - this.refusedAt < REFUSED_AGAIN_MS)) return;
    this.refusedAt = now;
    this.socket.reconnectNow();
  }
}

function readStoredProject(): number | null {
  try {
    const stored = Number(localStorage.getItem(PROJECT_KEY) ?? "");
    return Number.isInteger(stored) && stored > 0 ? stored : null;
  } catch {
    return null;
  }
}

export const app = new App();
