// A file that is being sent: by tus, which goes on where the server is after a break. It asks for a part at least (8 MiB) or all that is left.

import { Upload } from "tus-js-client";
import { titled, UNREACHED } from "./api.ts";
import { sentence } from "./words.ts";

const PART = 8 << 20;
/** So much is in a request; proxies don't have to stand longer ones. */
const REQUEST = 8 * PART;
const RETRIES = [500, 1000, 2000, 4000, 8000, 15_000];

export type Phase = "going" | "paused" | "broken" | "complete";

export class Sending {
  phase: Phase = "going";
  /** Bytes. */
  sent = 0;
  /** Why it is broken. */
  problem = "";
  private readonly upload: Upload;

  /**
   * Begin to send, or go on.
   * @param token Of a tenant.
   * @param changed Is called when anything above changes.
   */
  constructor(
    asset: string,
    readonly file: File,
    token: string,
    private readonly changed: () => void,
  ) {
    this.upload = new Upload(file, {
      uploadUrl: new URL(`/uploads/${asset}`, location.href).href,
      headers: { authorization: `Bearer ${token}` },
      chunkSize: REQUEST,
      retryDelays: RETRIES,
      storeFingerprintForResuming: false, // the server's list has what is not complete
      onProgress: (sent) => {
        this.sent = sent;
        this.changed();
      },
      onSuccess: () => this.become("complete"),
      onError: (error) => {
        const answer = "originalResponse" in error ? error.originalResponse : null;
        this.become("broken", sentence(answer ? titled(answer.getStatus(), answer.getBody()) : UNREACHED));
      },
    });
    addEventListener("online", this.back);
    this.upload.start();
  }

  resume(): void {
    this.become("going");
    this.upload.start();
  }

  async pause(): Promise<void> {
    this.become("paused");
    await this.upload.abort();
  }

  /** Stop for good: nothing is told any more. */
  async end(): Promise<void> {
    removeEventListener("online", this.back);
    if (this.phase !== "complete") await this.upload.abort();
  }

  private readonly back = (): void => {
    if (this.phase === "broken") this.resume();
  };

  private become(phase: Phase, problem = ""): void {
    this.phase = phase;
    this.problem = problem;
    if (phase === "complete") removeEventListener("online", this.back);
    this.changed();
  }
}

/** The files that are being sent from this page, by their assets; they go on while a video is watched. */
export class Sendings {
  /** Is told whose file has got on. */
  changed: (asset: string) => void = () => {};
  private readonly all = new Map<string, Sending>();

  begin(asset: string, file: File, token: string): void {
    this.all.set(asset, new Sending(asset, file, token, () => this.changed(asset)));
    this.changed(asset);
  }

  of(asset: string): Sending | undefined {
    return this.all.get(asset);
  }

  async drop(asset: string): Promise<void> {
    const found = this.all.get(asset);
    this.all.delete(asset);
    await found?.end();
  }

  async end(): Promise<void> {
    await Promise.all([...this.all.keys()].map((asset) => this.drop(asset)));
  }
}
