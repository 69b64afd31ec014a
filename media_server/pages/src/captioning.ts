// The captions of an asset, for staff: what there is, more of them, and less.

import { type Api, type Asset, inWords, type Kind, type Track } from "./api.ts";
import { copy, part, say, tell } from "./dom.ts";
import { languageIn, named } from "./words.ts";

const MOST = 1 << 20;

export class Captioning {
  private readonly element = copy("captioning") as HTMLDialogElement;
  private readonly list = part(this.element, "list", HTMLUListElement);
  private readonly none = part(this.element, "none", HTMLParagraphElement);
  private readonly form = part(this.element, "form", HTMLFormElement);
  private readonly file = part(this.element, "file", HTMLInputElement);
  private readonly language = part(this.element, "language", HTMLInputElement);
  private readonly kind = part(this.element, "kind", HTMLSelectElement);
  private readonly add = part(this.element, "add", HTMLButtonElement);
  private readonly problem = part(this.element, "problem", HTMLParagraphElement);
  private tracks: Track[];

  /**
   * Show them.
   * @param place Where the dialog is put while it is open.
   * @param changed Is called when there are others than before.
   */
  constructor(
    private readonly api: Api,
    private readonly asset: Asset,
    place: HTMLElement,
    private readonly changed: () => void,
  ) {
    this.tracks = asset.captions;
    part(this.element, "asset", HTMLSpanElement).textContent = asset.title;
    part(this.element, "close", HTMLButtonElement).addEventListener("click", () => this.element.close());
    this.element.addEventListener("close", () => this.element.remove());
    this.file.addEventListener("change", () => {
      this.language.value ||= languageIn(this.file.files?.[0]?.name ?? "");
      this.wrong("");
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.add.disabled) void this.once(() => this.take());
    });
    this.show();
    place.append(this.element);
    this.element.showModal();
  }

  private show(): void {
    this.none.hidden = this.tracks.length > 0;
    this.list.replaceChildren(...this.tracks.map((track) => this.row(track)));
  }

  private row(track: Track): HTMLElement {
    const row = copy("captions-row");
    part(row, "name", HTMLSpanElement).textContent = named(track);
    part(row, "cues", HTMLSpanElement).textContent = `${track.language} · ${track.cues} ${track.cues === 1 ? "cue" : "cues"}`;
    const remove = part(row, "remove", HTMLButtonElement);
    remove.setAttribute("aria-label", `Remove: ${named(track)}`);
    remove.addEventListener("click", () => void this.once(() => this.remove(track)));
    return row;
  }

  private async take(): Promise<void> {
    const chosen = this.file.files?.[0];
    const language = this.language.value.trim();
    if (!chosen) return this.wrong("Choose a file.", this.file);
    if (chosen.size > MOST) return this.wrong("The file has more than 1 MiB: captions have less.", this.file);
    if (language === "") return this.wrong("Tell the language.", this.language);
    const put = await this.api.putCaptions(this.asset.id, language, this.kind.value as Kind, chosen);
    this.became([...this.others(put), put].sort((one, other) => (one.language < other.language ? -1 : 1)));
    this.form.reset();
    say(`${named(put)} is added.`);
  }

  private async remove(track: Track): Promise<void> {
    await this.api.removeCaptions(this.asset.id, track.language);
    this.became(this.others(track));
    this.file.focus();
    say(`${named(track)} is removed.`);
  }

  private others({ language }: Track): Track[] {
    return this.tracks.filter((each) => each.language !== language);
  }

  private became(tracks: Track[]): void {
    this.tracks = tracks;
    this.show();
    this.changed();
  }

  /** Do one thing, and say what is wrong with it. */
  private async once(act: () => Promise<void>): Promise<void> {
    this.wrong("");
    this.add.disabled = true;
    try {
      await act();
    } catch (error) {
      this.wrong(inWords(error));
    } finally {
      this.add.disabled = false;
    }
  }

  private wrong(text: string, where?: HTMLInputElement): void {
    for (const each of [this.file, this.language]) each.toggleAttribute("aria-invalid", each === where);
    tell(this.problem, text);
    where?.focus();
  }
}
