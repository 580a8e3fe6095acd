/** Whether somebody can see the viewer: while its tab is in the background nothing is drawn, and frames do not come. */

export class Visibility {
  private hiddenSince: number | null = null;
  private readonly onHide: (now: number) => void;
  private readonly onShow: (now: number, hiddenMs: number) => void;

  /** Both are told the monotonic time; `onShow` also how long it was hidden. */
  constructor(onHide: (now: number) => void, onShow: (now: number, hiddenMs: number) => void) {
    this.onHide = onHide;
    this.onShow = onShow;
    document.addEventListener("visibilitychange", this.onChange);
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.onChange);
  }

  private readonly onChange = (): void => {
    const now = performance.now();
    if (document.hidden) {
      this.hiddenSince = now;
      this.onHide(now);
      return;
    }
    const hiddenMs = now - (this.hiddenSince ?? now);
    this.hiddenSince = null;
    this.onShow(now, hiddenMs);
  };
}
