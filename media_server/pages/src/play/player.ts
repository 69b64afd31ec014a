// What both players are to the page.

/** What is played, and with what right. */
export interface Source {
  url: string;
  /** Where keys of ClearKey are asked for. */
  licence?: string;
  /** A session's, for what is guarded. */
  token: string;
  /** Where to begin, in seconds. */
  at: number;
}

export interface Playing {
  end: () => Promise<void>;
}

/** Why nothing is played any more; the status is of the answer that was an error, 0 if there was none. */
export class Broken extends Error {
  constructor(
    text: string,
    readonly status?: number,
  ) {
    super(text);
  }
}

/** Play; what breaks before is thrown, what breaks later is told. */
export type Play = (video: HTMLVideoElement, source: Source, broken: (why: Broken) => void) => Promise<Playing>;
