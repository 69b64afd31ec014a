// An asset in the list. It is changed in place, so that neither focus nor what a screen reader reads is lost.

import type { Asset } from "./api.ts";
import { copy, part, tell, whenSeen } from "./dom.ts";
import type { Sending } from "./sending.ts";
import { facts, sentence, size, STATES } from "./words.ts";

/** What can be done with an asset. */
export interface Acts {
  pause: () => void;
  resume: () => void;
  send: (file: File) => void;
  captions: () => void;
  remove: () => void;
  poster: () => Promise<Blob | null>;
}

const SENDING = { going: "Uploading", paused: "Paused", broken: "Broken off", complete: "Uploaded" } as const;

export class Row {
  readonly element = copy("row");
  private readonly poster = part(this.element, "poster", HTMLImageElement);
  private readonly title = part(this.element, "title", HTMLHeadingElement);
  private readonly state = part(this.element, "state", HTMLSpanElement);
  private readonly facts = part(this.element, "facts", HTMLParagraphElement);
  private readonly going = part(this.element, "going", HTMLDivElement);
  private readonly progress = part(this.element, "progress", HTMLProgressElement);
  private readonly progressText = part(this.element, "progress-text", HTMLSpanElement);
  private readonly problem = part(this.element, "problem", HTMLParagraphElement);
  private readonly play = part(this.element, "play", HTMLAnchorElement);
  private readonly file = part(this.element, "file", HTMLInputElement);
  private readonly pause = this.button("pause");
  private readonly resume = this.button("resume");
  private readonly again = this.button("again");
  private readonly captions = this.button("captions");
  private readonly remove = this.button("remove");
  private posterAsked = false;

  constructor(private readonly acts: Acts) {
    this.pause.addEventListener("click", acts.pause);
    this.resume.addEventListener("click", acts.resume);
    this.captions.addEventListener("click", acts.captions);
    this.remove.addEventListener("click", acts.remove);
    this.again.addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", () => {
      const chosen = this.file.files?.[0];
      this.file.value = ""; // the same one may be chosen again
      if (chosen) acts.send(chosen);
    });
  }

  show(asset: Asset, sending: Sending | undefined, problem: string): void {
    const phase = asset.state === "waiting" ? sending?.phase : undefined;
    this.title.textContent = asset.title;
    this.state.textContent = phase ? SENDING[phase] : STATES[asset.state];
    this.state.dataset["state"] = phase ?? asset.state;
    this.facts.replaceChildren(...facts(asset).map(span));
    this.advance(asset, phase && sending);
    tell(this.problem, problem || (phase ? (sending?.problem ?? "") : sentence(asset.reason)));
    this.offer(asset, phase);
    if (asset.state === "ready" && !this.posterAsked) {
      this.posterAsked = true;
      whenSeen(this.element, () => void this.picture());
    }
  }

  private async picture(): Promise<void> {
    const found = await this.acts.poster();
    if (!found) return;
    this.poster.addEventListener("load", () => URL.revokeObjectURL(this.poster.src), { once: true });
    this.poster.src = URL.createObjectURL(found);
    this.poster.hidden = false;
  }

  private advance(asset: Asset, sending: Sending | undefined): void {
    const [done, total] = sending ? [sending.sent, asset.length] : [asset.done, asset.total];
    this.going.hidden = !sending && asset.state !== "queued" && asset.state !== "working";
    if (total > 0) this.progress.value = done / total;
    else this.progress.removeAttribute("value");
    this.progress.setAttribute("aria-label", `${this.state.textContent}: ${asset.title}`);
    const percent = `${Math.floor((100 * done) / (total || 1))} %`;
    if (sending) this.progressText.textContent = `${percent} · ${size(done)} of ${size(total)}`;
    else this.progressText.textContent = total > 0 ? `${percent} · ${done} of ${total} segments` : "";
  }

  private offer(asset: Asset, phase: Sending["phase"] | undefined): void {
    const focused = document.activeElement;
    this.play.href = `#play/${asset.id}`;
    this.play.hidden = asset.state !== "ready";
    this.pause.hidden = phase !== "going";
    this.resume.hidden = phase !== "paused" && phase !== "broken";
    this.again.hidden = asset.state !== "waiting" || phase !== undefined;
    for (const each of [this.play, this.pause, this.resume, this.again, this.captions, this.remove]) {
      each.setAttribute("aria-label", `${each.textContent}: ${asset.title}`);
    }
    // what had the focus may be gone: it passes on to what stands there now
    if (focused instanceof HTMLElement && focused.hidden && this.element.contains(focused)) {
      [this.play, this.pause, this.resume, this.again, this.remove].find((each) => !each.hidden)?.focus();
    }
  }

  private button(name: string): HTMLButtonElement {
    return part(this.element, name, HTMLButtonElement);
  }
}

function span(text: string): HTMLSpanElement {
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}
