// What the server is asked, and its answers: see /openapi.json.

import { sentence } from "./words.ts";

export type State = "waiting" | "queued" | "working" | "ready" | "failed";
export type Profile = "aes128" | "cbcs";

export interface Offer {
  profile: Profile;
  container: "ts" | "fmp4";
}

export type Kind = "subtitles" | "captions";

/** Captions in a language. */
export interface Track {
  language: string;
  /** What they are called; empty: by the language. */
  label: string;
  kind: Kind;
  cues: number;
}

export interface Asset {
  id: string;
  title: string;
  length: number;
  state: State;
  reason: string;
  done: number;
  total: number;
  seconds: number;
  created: string;
  offers: Offer[];
  captions: Track[];
}

/** Captions that can be shown. */
export interface Caption extends Omit<Track, "cues"> {
  url: string;
}

/** Where an asset is played from. */
export interface Begun {
  title: string;
  poster: string;
  storyboard: string;
  offers: { profile: Profile; hls: string; dash?: string; licence?: string }[];
  captions: Caption[];
}

/** What the server refused or could not do (RFC 9457), in words; status 0: it did not answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    title: string,
  ) {
    super(sentence(title));
  }
}

export const UNREACHED = "the server does not answer: check your connection, and try again";
export const REFUSED = "this video is not for you to play, or not any more: the permission has expired or was revoked";

/** A tenant's side, or a viewer's, by a token. */
export class Api {
  constructor(readonly token: string) {}

  async assets(): Promise<Asset[]> {
    return (await this.ask<{ assets: Asset[] }>("GET", "/assets")).assets;
  }

  create(title: string, length: number, offers: Offer[]): Promise<Asset> {
    return this.ask("POST", "/assets", { title, length, offers });
  }

  async remove(asset: string): Promise<void> {
    await this.ask("DELETE", `/assets/${asset}`);
  }

  /** Return a session's token: it lets a viewer play the asset. */
  async session(asset: string): Promise<string> {
    return (await this.ask<{ token: string }>("POST", "/sessions", { asset })).token;
  }

  /** Begin to play, with a session's token. */
  begin(): Promise<Begun> {
    return this.ask("POST", "/play");
  }

  /** Return a picture, or what tells of pictures; null where there is none to be had: nothing else waits for it. */
  async picture(path: string): Promise<Blob | null> {
    const answer = await this.send("GET", path).catch(() => null);
    return answer ? answer.blob() : null;
  }

  /** Put captions beside an asset; return what is there now. */
  async putCaptions(asset: string, language: string, kind: Kind, file: Blob): Promise<Track> {
    const path = `/assets/${asset}/captions/${encodeURIComponent(language)}?kind=${kind}`;
    return (await this.send("PUT", path, file, "text/vtt")).json() as Promise<Track>;
  }

  async removeCaptions(asset: string, language: string): Promise<void> {
    await this.ask("DELETE", `/assets/${asset}/captions/${language}`);
  }

  /** Return the text of captions, with a session's token. */
  async captions({ url }: Caption): Promise<Blob> {
    return (await this.send("GET", new URL(url).pathname)).blob();
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await (body === undefined ? this.send(method, path) : this.send(method, path, JSON.stringify(body), "application/json"));
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  private async send(method: string, path: string, body: BodyInit | null = null, type = ""): Promise<Response> {
    const headers = { authorization: `Bearer ${this.token}`, ...(type ? { "content-type": type } : {}) };
    const answer = await fetch(path, { method, headers, body }).catch(() => {
      throw new Problem(0, UNREACHED);
    });
    if (!answer.ok) throw new Problem(answer.status, titled(answer.status, await answer.text()));
    return answer;
  }
}

/** Return whether a URL is the server's own and asks for a token: keys, licences, segments. */
export function isGuarded(url: string): boolean {
  const { origin, pathname } = new URL(url, location.href);
  return origin === location.origin && /^\/(keys|licences|v)\//.test(pathname);
}

/** Return what an error says. */
export function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Return what an answer that is an error says (RFC 9457). */
export function titled(status: number, body: string): string {
  if (status === 403) return REFUSED;
  try {
    return String(JSON.parse(body).title);
  } catch {
    return `the server answers ${status}: try again later`;
  }
}
