/** A list that a page reads from the server piece by piece, the newest first. */

import { Form } from "./form.svelte.ts";
import { Resource } from "./resource.svelte.ts";

/** One page of a list, and where the next begins; null where it was the last. */
export interface Page<T> {
  items: readonly T[];
  nextCursor: string | null;
}

export class Paged<T> {
  /** The first page. */
  readonly first: Resource<Page<T>>;
  /** The next page on its way, and what went wrong with it. */
  readonly more = new Form();
  private older = $state.raw<Page<T> | null>(null);
  private readonly read: (cursor: string | null, signal?: AbortSignal) => Promise<Page<T>>;

  /** Begins to read at once. */
  constructor(read: (cursor: string | null, signal?: AbortSignal) => Promise<Page<T>>) {
    this.read = read;
    this.first = new Resource((signal) => read(null, signal));
  }

  /** All that was read. */
  get items(): readonly T[] {
    return [...(this.first.value?.items ?? []), ...(this.older?.items ?? [])];
  }

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  /** Reads the first page again; the others have to be asked for again. */
  async load(): Promise<void> {
    await this.first.load();
    this.older = null;
  }

  /** Reads the next page. */
  async loadMore(): Promise<void> {
    const { cursor } = this;
    if (cursor === null) return;
    const first = this.first.value;
    await this.more.submit(async () => {
      const page = await this.read(cursor);
      // It goes on behind pages that are still shown, and behind no others.
      if (this.first.value === first) this.older = { ...page, items: [...(this.older?.items ?? []), ...page.items] };
    });
  }

  /** Gives up what is on its way. */
  stop(): void {
    this.first.stop();
  }

  private get cursor(): string | null {
    return (this.older ?? this.first.value)?.nextCursor ?? null;
  }
}
