/** A leak scan that runs: asked for again until it has ended. */

import { endLeakScan, readLeakScan, readLeakScans, startLeakScan, type LeakScan } from "../net/api-privacy.ts";
import { app } from "./app.svelte.ts";
import { describeProblem } from "./fault.ts";

const ASK_AGAIN_MS = 1_000;
/** A server that cannot be reached is asked this much later. */
const AFTER_PROBLEM_MS = 5_000;

export class LeakScans {
  /** Newest first; null until they were read. */
  all = $state.raw<readonly LeakScan[] | null>(null);
  /** The one that is looked at, with its findings. */
  shown = $state.raw<LeakScan | null>(null);
  problem = $state("");
  private readonly projectId: number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;

  constructor(projectId: number) {
    this.projectId = projectId;
    void this.load();
  }

  /** Reads the list, and shows the newest. */
  async load(): Promise<void> {
    await this.attempt(async () => {
      this.all = await readLeakScans(this.projectId);
      const newest = this.all[0];
      if (newest && !this.shown) await this.show(newest.id);
    });
  }

  /** Starts one and shows it. @throws ApiError where it cannot be started */
  async start(from: number | null, to: number | null): Promise<void> {
    const id = await startLeakScan(this.projectId, from, to);
    await this.show(id);
    await this.load();
  }

  /** Shows a scan, and follows it while it runs. */
  async show(id: LeakScan["id"]): Promise<void> {
    clearTimeout(this.timer);
    const worked = await this.attempt(async () => {
      const scan = await readLeakScan(this.projectId, id);
      this.shown = scan;
      // The list tells the same of it as what is shown.
      this.all = this.all?.map((one) => (one.id === scan.id ? { ...scan, findings: [] } : one)) ?? null;
    });
    if (this.isStopped || (worked && this.shown && isOver(this.shown))) return;
    this.timer = setTimeout(() => void this.show(id), worked ? ASK_AGAIN_MS : AFTER_PROBLEM_MS);
  }

  /** Ends the one that is shown where it runs, removes it with its findings where it is over. */
  async end(): Promise<void> {
    const { shown } = this;
    if (!shown) return;
    await endLeakScan(this.projectId, shown.id);
    if (isOver(shown)) this.shown = null;
    else await this.show(shown.id);
    await this.load();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private async attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.problem = "";
      return true;
    } catch (error) {
      if (!app.handledSignOut(error)) this.problem = describeProblem(error);
      return false;
    }
  }
}

/** True for a scan that goes on no further. */
export function isOver(scan: LeakScan): boolean {
  return scan.state !== "pending" && scan.state !== "running";
}
