// A video, its player, and the ways to play it.

import { Api, type Begun, inWords, REFUSED, UNREACHED } from "./api.ts";
import { Captions } from "./captions.ts";
import { check, choose } from "./choices.ts";
import { copy, part, tell } from "./dom.ts";
import { Broken, type Play, type Playing } from "./play/player.ts";
import { Strip } from "./strip.ts";
import type { View } from "./view.ts";
import { type Format, formats, path, type Player, PLAYERS } from "./ways.ts";
import { sentence } from "./words.ts";

/** Each is loaded when it is wanted first. */
const LOADED: Record<Player, () => Promise<{ play: Play }>> = {
  hls: () => import("./play/hls.ts"),
  shaka: () => import("./play/shaka.ts"),
};

export class Watching implements View {
  readonly element = copy("player");
  readonly focus = part(this.element, "title", HTMLHeadingElement);
  private readonly video = part(this.element, "video", HTMLVideoElement);
  private readonly strip = new Strip(part(this.element, "strip", HTMLDivElement), this.video);
  private readonly state = part(this.element, "state", HTMLParagraphElement);
  private readonly trouble = part(this.element, "trouble", HTMLDivElement);
  private readonly problem = part(this.element, "problem", HTMLParagraphElement);
  private readonly ways = part(this.element, "ways", HTMLFormElement);
  private readonly captions = new Captions(this.video, part(this.element, "captions", HTMLFieldSetElement));
  private token = "";
  private found: Format[] = [];
  private playing: Playing | null = null;
  /** With what it is played, in words. */
  private how = "";
  /** What was asked for last: one thing is done after the other. */
  private turn: Promise<void> = Promise.resolve();
  private ended = false;

  /**
   * @param permit Returns a session's token.
   * @param back Whether there is a list to go back to.
   */
  constructor(
    private readonly permit: () => Promise<string>,
    back: boolean,
  ) {
    part(this.element, "back", HTMLParagraphElement).hidden = !back;
    part(this.element, "again", HTMLButtonElement).addEventListener("click", () => this.next(() => this.begin()));
    this.ways.addEventListener("change", () => this.next(() => this.play()));
    this.video.addEventListener("canplay", () => tell(this.state, this.how));
    this.next(() => this.begin());
  }

  end(): void {
    this.ended = true;
    URL.revokeObjectURL(this.video.poster);
    this.captions.end();
    this.next(() => this.stop());
  }

  private next(act: () => Promise<void>): void {
    this.turn = this.turn.then(act).catch((error: unknown) => this.broken(error));
  }

  /** Ask for the right to play, then play. */
  private async begin(): Promise<void> {
    this.calm("Asking for the video…");
    this.token = await this.permit();
    const api = new Api(this.token);
    const begun = await api.begin();
    void this.picture(api, begun);
    this.focus.textContent = document.title = this.video.ariaLabel = begun.title;
    this.found = formats(begun);
    const before = this.chosen("format");
    choose(this.part("formats"), "format", this.found.map(({ id, name }) => [id, name]), before);
    if (!before) choose(this.part("players"), "player", Object.entries(PLAYERS), "hls");
    this.captions.offer(begun.captions, api);
    this.ways.hidden = false;
    await this.play();
  }

  /** Show what is to be seen before and beside the video. */
  private async picture(api: Api, { poster, storyboard }: Begun): Promise<void> {
    void this.strip.load(api, path(storyboard));
    const found = await api.picture(path(poster));
    if (found && !this.ended) this.video.poster = URL.createObjectURL(found);
  }

  private async play(): Promise<void> {
    const [at, moves] = [this.video.currentTime, !this.video.paused];
    this.calm("Loading…");
    await this.stop();
    const format = this.found.find(({ id }) => id === this.chosen("format"));
    if (this.ended || !format) return;
    const player = this.player(format);
    const { play } = await LOADED[player]();
    this.how = `${PLAYERS[player]}: ${format.name}.`;
    this.playing = await play(this.video, { ...format, token: this.token, at }, (why) => this.broken(why));
    if (moves) await this.video.play();
  }

  /** Return the player of a format: the one that was chosen, if it can play it. */
  private player({ players }: Format): Player {
    for (const input of this.part("players").querySelectorAll("input")) {
      input.disabled = !players.includes(input.value as Player);
      if (input.disabled && input.checked) check(this.part("players"), players[0] ?? "");
    }
    part(this.element, "ways-hint", HTMLParagraphElement).hidden = players.includes("hls");
    return this.chosen("player") as Player;
  }

  private async stop(): Promise<void> {
    await this.playing?.end();
    this.playing = null;
  }

  private broken(error: unknown): void {
    const status = error instanceof Broken ? error.status : undefined;
    const why = { 401: REFUSED, 403: REFUSED, 0: UNREACHED }[status ?? NaN];
    const text = error instanceof Broken ? `the player has stopped (${error.message})` : inWords(error);
    this.video.pause();
    tell(this.state, "");
    this.trouble.hidden = false;
    tell(this.problem, sentence(why ?? text));
  }

  private calm(state: string): void {
    tell(this.state, state);
    this.trouble.hidden = true;
    tell(this.problem, "");
  }

  private chosen(name: string): string {
    return String(new FormData(this.ways).get(name) ?? "");
  }

  private part(name: string): HTMLDivElement {
    return part(this.element, name, HTMLDivElement);
  }
}
