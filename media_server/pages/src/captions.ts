// The captions of a video that is watched: tracks of its element, whoever plays it. Each is loaded when it is wanted first.

import { type Api, type Caption, inWords } from "./api.ts";
import { check, choose } from "./choices.ts";
import { part, tell } from "./dom.ts";
import { named } from "./words.ts";

const OFF = "off";

interface Shown {
  caption: Caption;
  element: HTMLTrackElement;
  /** Whether its text was asked for. */
  asked: boolean;
}

export class Captions {
  private readonly choices: HTMLDivElement;
  private readonly problem: HTMLParagraphElement;
  private shown: Shown[] = [];
  private api: Api | null = null;

  /**
   * @param video Where they are shown.
   * @param place Where they are chosen; the browser's own menu of the video does it too.
   */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly place: HTMLFieldSetElement,
  ) {
    this.choices = part(place, "captions-choices", HTMLDivElement);
    this.problem = part(place, "captions-problem", HTMLParagraphElement);
    place.addEventListener("change", (event) => {
      event.stopPropagation(); // the player stays as it is
      this.show((event.target as HTMLInputElement).value);
    });
    video.textTracks.addEventListener("change", () => this.changed());
  }

  /** Offer what there is, in the place of what was offered before; what was chosen stays chosen. */
  offer(found: Caption[], api: Api): void {
    const before = this.chosen()?.caption.language ?? OFF;
    this.end();
    this.api = api;
    this.shown = found.map((caption) => ({ caption, element: track(caption), asked: false }));
    this.video.append(...this.shown.map(({ element }) => element));
    this.place.hidden = found.length === 0;
    const names = found.map((caption) => [caption.language, named(caption)]);
    choose(this.choices, "captions", [[OFF, "Off"], ...names], OFF);
    this.show(before);
  }

  end(): void {
    for (const { element } of this.shown) {
      element.remove();
      URL.revokeObjectURL(element.src);
    }
    this.shown = [];
  }

  private show(language: string): void {
    for (const { caption, element } of this.shown) element.track.mode = caption.language === language ? "showing" : "disabled";
  }

  /** Others are shown now, or none. */
  private changed(): void {
    const chosen = this.chosen();
    check(this.choices, chosen?.caption.language ?? OFF);
    if (!chosen || chosen.asked) return;
    chosen.asked = true;
    tell(this.problem, "");
    void this.load(chosen);
  }

  private async load(wanted: Shown): Promise<void> {
    try {
      const text = await this.api?.captions(wanted.caption);
      if (text && this.shown.includes(wanted)) wanted.element.src = URL.createObjectURL(text);
    } catch (error) {
      wanted.asked = false;
      wanted.element.track.mode = "disabled"; // a player that begins would wait for it
      tell(this.problem, inWords(error));
    }
  }

  private chosen(): Shown | undefined {
    return this.shown.find(({ element }) => element.track.mode === "showing");
  }
}

function track(caption: Caption): HTMLTrackElement {
  const made = document.createElement("track");
  return Object.assign(made, { kind: caption.kind, srclang: caption.language, label: named(caption) });
}
