/** Who has gone a moment ago: he keeps his place for a while, so that one sees that he has gone. */

/** How long that is. */
export const LINGER_MS = 8_000;

/** Times are monotonic milliseconds. */
export class Leavers {
  private readonly leftAt = new Map<string, number>();

  /** Somebody went. */
  note(sessionId: string, now: number): void {
    this.leftAt.set(sessionId, now);
  }

  /** He is back. */
  forget(sessionId: string): void {
    this.leftAt.delete(sessionId);
  }

  /** Forgets those who have been gone for long, and answers who they are. */
  takeExpired(now: number): string[] {
    const expired = [...this.leftAt].filter(([, at]) => now - at > LINGER_MS).map(([id]) => id);
    for (const id of expired) this.leftAt.delete(id);
    return expired;
  }

  /** Those who went less than {@link LINGER_MS} ago. */
  get ids(): string[] {
    return [...this.leftAt.keys()];
  }
}
