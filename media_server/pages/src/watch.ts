// Looks again and again: often while something moves, seldom while nothing does, and never while nobody looks at the page.

export const FIRST = 1000;
const [MOST_BUSY, MOST_IDLE] = [5000, 30_000];

/** What was found: whether something was not as before, and whether more is to be expected. */
export interface Found {
  changed: boolean;
  busy: boolean;
}

/** Return the wait after one, in milliseconds. */
export function after(wait: number, { changed, busy }: Found): number {
  return changed ? FIRST : Math.min(wait * 1.5, busy ? MOST_BUSY : MOST_IDLE);
}

export class Watch {
  private timer = 0;
  private wait = FIRST;
  private looking = false;
  private ended = false;

  /** Begin; `look` says itself what went wrong, and then returns that nothing changed. */
  constructor(private readonly look: () => Promise<Found>) {
    document.addEventListener("visibilitychange", this.seen);
    void this.now();
  }

  /** Look at once, and often for a while. */
  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.wait = FIRST;
    if (!this.looking) await this.round();
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }

  private readonly seen = (): void => {
    if (document.hidden) clearTimeout(this.timer);
    else void this.now();
  };

  private async round(): Promise<void> {
    this.looking = true;
    const found = await this.look();
    this.looking = false;
    this.wait = after(this.wait, found);
    if (!this.ended && !document.hidden) this.timer = setTimeout(() => void this.round(), this.wait);
  }
}
