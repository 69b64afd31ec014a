// A tenant's assets: what is uploaded, made, and ready.

import { type Api, type Asset, inWords, type Offer, Problem } from "./api.ts";
import { Captioning } from "./captioning.ts";
import { copy, part, say, tell } from "./dom.ts";
import { uploads } from "./form.ts";
import { Row } from "./row.ts";
import type { Sendings } from "./sending.ts";
import type { View } from "./view.ts";
import { type Found, Watch } from "./watch.ts";
import { size } from "./words.ts";

interface Shown {
  asset: Asset;
  row: Row;
  /** What went wrong with what was asked of it here. */
  problem: string;
}

export class Library implements View {
  readonly element = copy("library");
  readonly focus = part(this.element, "heading", HTMLHeadingElement);
  private readonly rows = part(this.element, "rows", HTMLUListElement);
  private readonly empty = part(this.element, "empty", HTMLParagraphElement);
  private readonly trouble = part(this.element, "trouble", HTMLParagraphElement);
  private readonly question = part(this.element, "ask", HTMLDialogElement);
  private readonly shown = new Map<string, Shown>();
  private readonly watch: Watch;

  /** @param refused Is called when the token is not good any more. */
  constructor(
    private readonly api: Api,
    private readonly sendings: Sendings,
    private readonly refused: (why: string) => void,
  ) {
    uploads(part(this.element, "form", HTMLFormElement), (...wanted) => this.upload(...wanted));
    sendings.changed = (asset) => this.sent(asset);
    this.watch = new Watch(() => this.look());
  }

  end(): void {
    this.watch.end();
    this.sendings.changed = () => {};
  }

  private async upload(title: string, offers: Offer[], file: File): Promise<void> {
    const asset = await this.api.create(title, file.size, offers);
    this.put(asset);
    this.sendings.begin(asset.id, file, this.api.token);
    say(`Uploading ${asset.title}.`);
  }

  /** Look what has become of the assets. */
  private async look(): Promise<Found> {
    try {
      const found = await this.api.assets();
      tell(this.trouble, "");
      const changed = found.map((asset) => this.put(asset)).some(Boolean);
      const names = new Set(found.map((asset) => asset.id));
      const gone = [...this.shown.keys()].filter((id) => !names.has(id) && !this.sendings.of(id));
      for (const id of gone) this.take(id);
      this.empty.hidden = this.shown.size > 0; // only now is it known that there are none
      return { changed: changed || gone.length > 0, busy: found.some(({ state }) => state === "queued" || state === "working") };
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.refused(EXPIRED);
      else tell(this.trouble, inWords(error));
      return { changed: false, busy: false };
    }
  }

  /** Show an asset as it is now; return whether it was not so before. */
  private put(asset: Asset): boolean {
    const before = this.shown.get(asset.id);
    const shown = before ?? { asset, row: this.row(asset.id), problem: "" };
    if (!before) this.rows.prepend(shown.row.element); // the list begins with the oldest
    this.shown.set(asset.id, { ...shown, asset });
    this.empty.hidden = true;
    if (asset.state !== "waiting") void this.sendings.drop(asset.id);
    if (before && before.asset.state !== asset.state) announce(asset);
    this.show(asset.id);
    return JSON.stringify(before?.asset) !== JSON.stringify(asset);
  }

  private row(id: string): Row {
    return new Row({
      pause: () => void this.sendings.of(id)?.pause(),
      resume: () => this.sendings.of(id)?.resume(),
      send: (file) => this.goOn(id, file),
      captions: () => this.captions(id),
      remove: () => void this.remove(id),
      poster: () => this.api.picture(`/assets/${id}/poster`),
    });
  }

  private captions(id: string): void {
    const shown = this.shown.get(id);
    if (shown) new Captioning(this.api, shown.asset, this.element, () => void this.watch.now());
  }

  private show(id: string, problem?: string): void {
    const shown = this.shown.get(id);
    if (!shown) return;
    if (problem !== undefined) shown.problem = problem;
    shown.row.show(shown.asset, this.sendings.of(id), shown.problem);
  }

  /** Go on with an upload that began before this page did. */
  private goOn(id: string, file: File): void {
    const length = this.shown.get(id)?.asset.length ?? 0;
    if (file.size !== length) {
      const wrong = `${file.name} is another file: it has ${size(file.size)}, and the one that was begun ${size(length)}.`;
      this.show(id, wrong);
      say(wrong);
      return;
    }
    this.show(id, "");
    this.sendings.begin(id, file, this.api.token);
  }

  private sent(id: string): void {
    const sending = this.sendings.of(id);
    const title = this.shown.get(id)?.asset.title ?? "";
    this.show(id);
    if (sending?.phase === "complete") {
      say(`${title} is uploaded.`);
      void this.watch.now();
    } else if (sending?.phase === "broken") say(`${title}: the upload is broken off. ${sending.problem}`);
    else if (sending?.phase === "paused") say(`${title}: the upload is paused.`);
  }

  private async remove(id: string): Promise<void> {
    part(this.question, "ask-title", HTMLSpanElement).textContent = this.shown.get(id)?.asset.title ?? "";
    this.question.returnValue = "";
    this.question.showModal();
    await new Promise((closed) => this.question.addEventListener("close", closed, { once: true }));
    if (this.question.returnValue !== "delete") return;
    try {
      await this.sendings.drop(id);
      await this.api.remove(id);
      this.take(id);
      this.empty.hidden = this.shown.size > 0;
      this.focus.focus();
      say("It is deleted.");
    } catch (error) {
      this.show(id, inWords(error));
    }
  }

  private take(id: string): void {
    this.shown.get(id)?.row.element.remove();
    this.shown.delete(id);
  }
}

const EXPIRED = "Your token has expired, or is none of this server’s: sign in again.";

function announce(asset: Asset): void {
  if (asset.state === "ready") say(`${asset.title} is ready to play.`);
  if (asset.state === "failed") say(`${asset.title} failed: ${asset.reason}`);
}
