// The strip below a video: its storyboard, picture by picture. Whoever moves along it sees what is there, and goes there by it.

import type { Api } from "./api.ts";
import { part } from "./dom.ts";
import { shownAt, type Tile, tiles } from "./storyboard.ts";
import { clock } from "./words.ts";

export class Strip {
  private readonly seek: HTMLInputElement;
  private readonly preview: HTMLDivElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly time: HTMLSpanElement;
  private readonly sprites = new Map<string, Promise<ImageBitmap | null>>();
  private found: Tile[] = [];
  /** What the preview is to show, by its number. */
  private wanted = 0;
  private api: Api | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly video: HTMLVideoElement,
  ) {
    this.seek = part(element, "seek", HTMLInputElement);
    this.preview = part(element, "preview", HTMLDivElement);
    this.canvas = part(element, "tile", HTMLCanvasElement);
    this.time = part(element, "time", HTMLSpanElement);
    this.seek.addEventListener("pointermove", (event) => this.show(this.under(event)));
    this.seek.addEventListener("focus", () => this.show(this.seek.valueAsNumber));
    this.seek.addEventListener("input", () => this.show(this.seek.valueAsNumber));
    this.seek.addEventListener("change", () => this.go());
    for (const name of ["pointerleave", "blur"]) this.seek.addEventListener(name, () => (this.preview.hidden = true));
    video.addEventListener("timeupdate", () => this.follow());
  }

  /** Show the storyboard of a track; there is no strip where there is none. */
  async load(api: Api, path: string): Promise<void> {
    this.api = api;
    this.found = tiles((await (await api.picture(path))?.text()) ?? "", path);
    this.sprites.clear();
    this.element.hidden = this.found.length < 2;
    this.seek.max = String(this.found.length - 1);
    this.follow();
  }

  /** Return the number of the tile that is under a pointer. */
  private under({ clientX }: PointerEvent): number {
    const { left, width } = this.seek.getBoundingClientRect();
    return Math.round(Math.min(Math.max((clientX - left) / width, 0), 1) * (this.found.length - 1));
  }

  private show(number: number): void {
    const tile = this.found[number];
    if (!tile) return;
    this.wanted = number;
    this.preview.hidden = false;
    this.preview.style.setProperty("--at", `${(100 * number) / (this.found.length - 1)}%`);
    this.time.textContent = clock(tile.begin);
    this.tell();
    void this.draw(number, tile);
  }

  private async draw(number: number, { sprite, x, y, width, height }: Tile): Promise<void> {
    const image = await this.sprite(sprite);
    if (!image || number !== this.wanted) return; // another one is wanted by now
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d")?.drawImage(image, x, y, width, height, 0, 0, width, height);
  }

  private sprite(path: string): Promise<ImageBitmap | null> {
    const loading = this.sprites.get(path) ?? (this.api?.picture(path) ?? Promise.resolve(null)).then((blob) => blob && createImageBitmap(blob));
    this.sprites.set(path, loading);
    return loading;
  }

  private go(): void {
    const tile = this.found[this.seek.valueAsNumber];
    if (tile) this.video.currentTime = tile.begin;
  }

  /** Stand where the video is, unless somebody moves along here. */
  private follow(): void {
    if (!this.preview.hidden) return;
    this.seek.valueAsNumber = shownAt(this.found, this.video.currentTime);
    this.tell();
  }

  private tell(): void {
    this.seek.ariaValueText = clock(this.found[this.seek.valueAsNumber]?.begin ?? 0);
  }
}
