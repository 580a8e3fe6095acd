/** Who is signed in, which project is looked at, and the one socket that pages share. */

import { ApiError, readMe, readProjects, signOut } from "../net/api.ts";
import type { Project, User } from "../net/api-schemas.ts";
import { FeedSocket, viewerSocketUrl, type Connection } from "../net/feed-socket.ts";
import { CLOSE } from "../../protocol/close-codes.ts";
import { router } from "./router.svelte.ts";

const PROJECT_KEY = "watchback.project";

class App {
  /** `unknown` until the server has said who we are. */
  state = $state<"unknown" | "signed-out" | "signed-in" | "unreachable">("unknown");
  user = $state.raw<User | null>(null);
  projects = $state.raw<readonly Project[]>([]);
  connection = $state<Connection>("idle");
  private projectId = $state<number | null>(null);
  readonly socket = new FeedSocket(viewerSocketUrl(), (connection, closeCode) => {
    this.connection = connection;
    if (connection === "refused" && closeCode === CLOSE.unauthorized) this.signedOut();
  });

  constructor() {
    window.addEventListener("online", () => this.socket.reconnectNow());
  }

  /** The project whose sessions are shown; null before anything is known. */
  get project(): Project | null {
    return this.projects.find((project) => project.id === this.projectId) ?? this.projects[0] ?? null;
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
      this.projectId = readStoredProject();
      this.state = "signed-in";
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.state = "signed-out";
      else this.state = "unreachable";
    }
  }

  /** To be told by whoever meets a 401: what was open goes on after signing in again. */
  signedOut(): void {
    this.state = "signed-out";
    this.user = null;
    const { path } = router;
    if (path === "/sign-in" || path === "/setup") return;
    const next = `${path}${window.location.search}`;
    router.go(next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`, { replace: true });
  }

  async signOut(): Promise<void> {
    await signOut().catch(() => undefined);
    this.user = null;
    this.state = "signed-out";
    router.go("/sign-in");
  }

  /** True where the failure was that nobody is signed in (any more); it is dealt with then. */
  handledSignOut(error: unknown): boolean {
    if (!(error instanceof ApiError) || error.status !== 401) return false;
    this.signedOut();
    return true;
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
